// The options of the [pipeline] table, described as operators describe theirs.
#pragma once

#include <span>
#include <string>

#include "core/config/specification.hpp"

namespace flowrun {

// For reference pages and `inspect`.
std::span<const flow_option* const> pipeline_options();
std::span<const flow_option* const> checkpoint_options();

// Fills the settings of `specification` from the [pipeline] table (nullptr: all defaults).
// `default_name` is the pipeline's name unless the table gives one.
void read_pipeline_settings(const Value* pipeline, const std::string& default_name,
                            PipelineSpecification& specification, Diagnostics& found);

// The value of an `on_error` key, or nothing after an error.
std::optional<Placed<OnError>> read_on_error(const Value& value, const std::string& key_path,
                                             Diagnostics& found);

// The `parallelism` of a component.
const flow_option& instances_option();

// The value of a component's `parallelism` key, or nothing after an error.
std::optional<Placed<std::int64_t>> read_instances(const Value& value, const std::string& key_path,
                                                   Diagnostics& found);

}  // namespace flowrun
