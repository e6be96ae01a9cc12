// The rules of a descriptor, and options at the borders of what they allow.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "flow/host/reserved_keys.hpp"
#include "flow/testing/contract/rows_check.hpp"

namespace flow::testing::contract {

inline void check_descriptor(const flow_descriptor& descriptor, Findings& findings) {
  const auto require = [&](const char* text, const std::string& what) {
    if (text == nullptr || *text == '\0') findings.add("descriptor", what + " is missing");
  };
  require(descriptor.name, "the name");
  require(descriptor.summary, "the summary");
  require(descriptor.doc, "the doc");
  require(descriptor.example_toml, "the example");
  if (descriptor.kind < FLOW_SOURCE || descriptor.kind > FLOW_CODEC) {
    findings.add("descriptor", "the kind is none");
  }
  const uint64_t ways = descriptor.traits & (FLOW_STATELESS | FLOW_KEYED | FLOW_SERIAL);
  if ((ways & (ways - 1)) != 0) {
    findings.add("descriptor", "it is only one of stateless, keyed and serial");
  }
  if (descriptor.kind == FLOW_CODEC && (descriptor.traits & (FLOW_DECODES | FLOW_ENCODES)) == 0) {
    findings.add("descriptor", "a codec that neither decodes nor encodes");
  }
  std::set<std::string> names;
  for (uint32_t i = 0; i < descriptor.n_options; ++i) {
    const flow_option& option = *descriptor.options[i];
    const std::string subject =
        "option '" + std::string(option.name != nullptr ? option.name : "") + "': ";
    require(option.name, subject + "the name");
    require(option.doc, subject + "the doc");
    if (option.name != nullptr && !names.insert(option.name).second) {
      findings.add("descriptor", subject + "is there twice");
    }
    if (option.name != nullptr && host::is_reserved_key(option.name)) {
      findings.add("descriptor", subject + "its name is the host's: every component has it");
    }
    if (option.type == FLOW_OPTION_CHOICE &&
        (option.choices == nullptr || *option.choices == nullptr)) {
      findings.add("descriptor", subject + "a choice without choices");
    }
    if (option.default_toml == nullptr || option.required != 0) continue;
    try {
      bind_value(option, TomlReader::value(option.default_toml));
    } catch (const std::invalid_argument& refused) {
      findings.add("descriptor",
                   subject + "its default is not a value it takes: " + refused.what());
    }
  }
  names.clear();
  for (uint32_t i = 0; i < descriptor.n_inputs; ++i) {
    const flow_port& port = *descriptor.inputs[i];
    require(port.name, "an input's name");
    require(port.doc, "an input's doc");
    if (port.key_option == nullptr) continue;
    bool known = false;
    for (uint32_t k = 0; k < descriptor.n_options; ++k) {
      known |= std::string_view(descriptor.options[k]->name) == port.key_option;
    }
    if (!known)
      findings.add("descriptor", "key_option '" + std::string(port.key_option) + "' is no option");
  }
  for (uint32_t i = 0; i < descriptor.n_outputs; ++i) {
    require(descriptor.outputs[i]->name, "an output's name");
    require(descriptor.outputs[i]->doc, "an output's doc");
  }
}

class OptionsCheck {
 public:
  explicit OptionsCheck(Context& context) : context_(context) {}

  void run() {
    for (uint32_t i = 0; i < context_.descriptor.n_options; ++i) {
      const flow_option& option = *context_.descriptor.options[i];
      for (const Setting& value : borders(option)) try_value(option, value);
      if (option.required != 0) try_without(option);
    }
    context_.findings.during("");
  }

 private:
  static std::vector<Setting> borders(const flow_option& option) {
    std::vector<Setting> values;
    const bool whole = option.type == FLOW_OPTION_INT || option.type == FLOW_OPTION_DURATION ||
                       option.type == FLOW_OPTION_SIZE;
    if (option.has_range != 0) {
      for (const double border : {option.min, option.max}) {
        if (!whole) {
          values.emplace_back(border);
        } else if (border >= -9.2e18 && border <= 9.2e18) {
          values.emplace_back(static_cast<int64_t>(border));
        }
      }
    }
    if (option.type == FLOW_OPTION_BOOL) values = {Setting(true), Setting(false)};
    if (option.type == FLOW_OPTION_CHOICE) {
      for (const char* const* choice = option.choices; *choice != nullptr; ++choice) {
        values.emplace_back(*choice);
      }
    }
    return values;
  }

  Settings without(const std::string& name) const {
    Settings settings;
    for (const auto& setting : context_.settings) {
      if (setting.first != name) settings.push_back(setting);
    }
    return settings;
  }

  // It runs or refuses with words; both are fine.
  void try_value(const flow_option& option, const Setting& value) {
    context_.findings.during("with option '" + std::string(option.name) + "' at a border");
    Settings settings = without(option.name);
    settings.emplace_back(option.name, value);
    open_once(settings);
  }
  // A host would not do this; a plugin must survive it all the same.
  void try_without(const flow_option& option) {
    context_.findings.during("without the required option '" + std::string(option.name) + "'");
    open_once(without(option.name));
  }
  void open_once(const Settings& settings) {
    const flow_role role = context_.descriptor.kind != FLOW_CODEC ? FLOW_ROLE_NONE
                           : context_.is(FLOW_DECODES)            ? FLOW_ROLE_DECODE
                                                                  : FLOW_ROLE_ENCODE;
    Session session(context_, settings, role);
    session.open();
    if (!session.ready()) return;
    const flow_kind kind = context_.descriptor.kind;
    if (kind == FLOW_TRANSFORM || kind == FLOW_WINDOW || kind == FLOW_SINK) {
      const Table table = context_.subject.inputs.empty() ? generated_table(context_.random, {}, 10)
                                                          : context_.subject.inputs.front();
      // One call with room for one batch: whoever has more to say at this border is not asked for
      // it.
      session.host().limit_room(1);
      const Batch in = session.batch(table_slice(table, 0, std::min<int64_t>(table.rows(), 20)), 0);
      session.try_process(in);
    }
    session.close(false);
  }

  Context& context_;
};

}  // namespace flow::testing::contract
