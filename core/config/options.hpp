// Raw option values -> the flow_value array that an operator is given.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/value.hpp"
#include "flow/abi.h"

namespace flowrun {

// Whether `env` and `file` of secrets are read. `validate --no-environment` does not: such secrets
// are then empty texts.
enum class SecretReading { kRead, kLeaveOut };

// The parsed, defaulted and checked options of one component, codec or table of settings. Owns
// everything that values() reaches; addresses stay when it is moved.
class BoundOptions {
 public:
  BoundOptions();
  ~BoundOptions();
  BoundOptions(BoundOptions&&) noexcept;
  BoundOptions& operator=(BoundOptions&&) noexcept;

  // One value an option of the descriptor, in its order; nullptr where the option is absent. As
  // flow_plugin::create takes it.
  const flow_value* const* values() const;
  std::size_t size() const;

  // The value of the option called `name`; nullptr if it is absent or there is no such option.
  const flow_value* find(std::string_view name) const;
  // REQUIRES: find(name) is of the type asked for.
  std::int64_t integer(std::string_view name) const { return find(name)->integer; }
  std::string text(std::string_view name) const { return find(name)->text; }
  bool boolean(std::string_view name) const { return find(name)->integer != 0; }

  // `name = value` for each present option, separated by ", ", as TOML: for logs and `graph`.
  // Secrets show as "***".
  std::string to_string() const;

 private:
  friend class OptionBinder;
  struct Storage;
  std::unique_ptr<Storage> storage_;
};

struct OptionContext {
  Place place;                          // of the table, for what is missing in it
  std::string key_path;                 // of the table, e.g. "sinks.index"
  std::string owner;                    // who has the options, e.g. "sink 'file'"; for messages
  std::vector<std::string> other_keys;  // that may stand beside them: candidates for nearest names
  SecretReading secrets = SecretReading::kRead;
};

// Checks `given` against the options of a descriptor: unknown and missing ones, types, ranges,
// choices; fills in defaults. Every problem goes to `found`; the result of a call that found errors
// is not for use. `options` must outlive the result.
BoundOptions bind_options(std::span<const flow_option* const> options, const Value::Table& given,
                          const OptionContext& context, Diagnostics& found);

// The options of a descriptor as a span.
std::span<const flow_option* const> options_of(const flow_descriptor& descriptor);

// For messages and reference pages: "text", "duration", "list of text", ...
std::string_view option_type_name(flow_option_type type);

}  // namespace flowrun
