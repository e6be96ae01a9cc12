// What `inspect` shows of operators: for people and for machines.
#pragma once

#include <string>
#include <vector>

#include "core/plugin/registry.hpp"

namespace flowrun::cli {

// All operators by kind, a line each, and the plugins they come from.
std::string operator_list(const Registry& registry);
std::string operator_list_json(const Registry& registry);

// Everything about some operators (one name may be offered in two kinds).
std::string operator_pages(const std::vector<OfferedOperator>& operators);
std::string operator_pages_json(const std::vector<OfferedOperator>& operators);

// The settings of the [pipeline] table.
std::string pipeline_page();
std::string pipeline_page_json();

}  // namespace flowrun::cli
