// Proves that an operator of any library keeps the rules of the ABI, through the ABI alone.
//
//   TEST(Threshold, KeepsTheContract) {
//     ContractSubject subject;
//     subject.inputs = {{{"celsius", {12.0, 31.5, nullptr}}}};
//     EXPECT_CONTRACT(FLOW_PLUGIN_PATH, "threshold", subject);
//   }
//
// The rules, by the word that a violation begins with:
// - library, example: it loads, has the operator, and its example's settings are accepted.
// - descriptor: name, docs of everything, ports and defaults are in order.
// - open, process, poll: it opens, and deals with input that it is made for.
// - ledger: rows in = passed on + dropped + failed + late + absorbed, in every call. The
//   records that fail in a decoder or that it drops are its own rows; the chunks that they came in
//   are absorbed.
// - room: nothing is emitted without room, MORE is honoured, and the result is the same.
// - splits: the result does not depend on where the input is cut.
// - snapshot: a restart between any two batches, from snapshot and pages alone, changes nothing.
// - input_modified: inputs stay as they are.
// - arrow, utf8, types: every emitted batch is valid, and a column keeps its type.
// - origin, column_order: rows keep their origin beside their columns; new columns go to the end.
// - schemas: what it infers of its outputs is what it then emits, and rows whose columns it calls
//   impossible do not pass.
// - leak: after destroy nothing is retained.
// - memory: with room for one batch, buffers stay below ContractSubject::memory_limit.
// - error_message: whatever fails says why.
// - exception, status, misuse, defer: no exceptions, unknown answers or forbidden calls.
// - assign, position, wake, acknowledge: sources resume from any emitted position without loss.
// - prepare, commit, abort, output: sinks keep their phases; commit may be repeated.
// - frame, decode, encode: codecs find the same records in any pieces.
// - context: and so they do from any stored position on, knowing only the context kept with it.
// - prologue: what a stream begins with is the same in all rows of a batch; messages have none.
//
// Options are tried at their borders, and rows with columns of every other type are thrown at it.
#pragma once

#include <dlfcn.h>

#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "flow/testing/contract/codec_check.hpp"
#include "flow/testing/contract/options_check.hpp"
#include "flow/testing/contract/sink_check.hpp"
#include "flow/testing/contract/source_check.hpp"

namespace flow::testing {

namespace contract {

inline void check_kind(Context& context) {
  OptionsCheck(context).run();
  switch (context.descriptor.kind) {
    case FLOW_SOURCE:
      SourceCheck(context).run();
      break;
    case FLOW_SINK:
      SinkCheck(context).run();
      break;
    case FLOW_CODEC:
      CodecCheck(context).run();
      break;
    default:
      RowsCheck(context).run();
      break;
  }
}

// The example's settings with the subject's instead of or beside them. Nothing where the example is
// not accepted.
inline std::optional<Settings> settings_of(const flow_descriptor& descriptor,
                                           const ContractSubject& subject, Findings& findings) {
  Settings settings;
  try {
    settings = example_settings(descriptor.example_toml, descriptor.name);
    OptionValues checked(descriptor, settings);
  } catch (const std::invalid_argument& refused) {
    findings.add("example", refused.what());
    return std::nullopt;
  }
  for (const auto& [name, value] : subject.settings) {
    bool replaced = false;
    for (auto& [known, setting] : settings) {
      if (known != name) continue;
      setting = value;
      replaced = true;
    }
    if (!replaced) settings.emplace_back(name, value);
  }
  return settings;
}

}  // namespace contract

// The rules that an operator of a loaded plugin breaks; empty: none. Takes from a tenth of a second
// to a few seconds. Throws std::invalid_argument where the subject names options that there are
// not.
inline std::vector<Violation> check_contract(const flow_plugin& plugin, const std::string& name,
                                             const ContractSubject& subject = {}) {
  contract::Findings findings(subject);
  const uint64_t seed = subject.seed != 0 ? subject.seed : std::random_device{}();
  const flow_descriptor* descriptor = nullptr;
  for (uint32_t i = 0; i < plugin.n_operators; ++i) {
    const flow_descriptor* candidate = plugin.operators[i];
    if (name != candidate->name || subject.kind.value_or(candidate->kind) != candidate->kind) {
      continue;
    }
    if (descriptor != nullptr) {
      findings.add("library", "it has more than one operator '" + name +
                                  "'; say which one as ContractSubject::kind");
      return findings.take();
    }
    descriptor = candidate;
  }
  if (descriptor == nullptr) {
    findings.add("library",
                 "it has no operator '" + name + "'" + (subject.kind ? " of that kind" : ""));
    return findings.take();
  }
  contract::check_descriptor(*descriptor, findings);
  if (!findings.empty()) return findings.take();
  const std::optional<Settings> settings = contract::settings_of(*descriptor, subject, findings);
  if (settings) {
    contract::Random random(seed);
    contract::Context context{plugin, *descriptor, subject, *settings, findings, random};
    std::string refusal;
    {
      const flow_role role = descriptor->kind != FLOW_CODEC             ? FLOW_ROLE_NONE
                             : (descriptor->traits & FLOW_DECODES) != 0 ? FLOW_ROLE_DECODE
                                                                        : FLOW_ROLE_ENCODE;
      contract::Session session(context, *settings, role);
      session.open();
      if (!session.ready()) refusal = "with its example's settings: " + session.refusal();
    }
    if (refusal.empty()) {
      contract::check_kind(context);
    } else {
      findings.add("open", refusal);
    }
  }
  std::vector<Violation> violations = findings.take();
  for (Violation& violation : violations)
    violation.detail += " (seed " + std::to_string(seed) + ")";
  return violations;
}

// The same for the library at a path. It is never unloaded.
inline std::vector<Violation> check_contract(const std::string& library, const std::string& name,
                                             const ContractSubject& subject = {}) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return {{"library", dlerror()}};
  const auto* plugin = static_cast<const flow_plugin*>(dlsym(handle, FLOW_PLUGIN_ENTRY));
  if (plugin == nullptr) return {{"library", library + " exports no " FLOW_PLUGIN_ENTRY}};
  if (plugin->abi_major != FLOW_ABI_MAJOR || !FLOW_HAS(flow_plugin, plugin, create)) {
    return {{"library", library + " is built for another version of the ABI"}};
  }
  return check_contract(*plugin, name, subject);
}

// One a line.
inline std::string described(const std::vector<Violation>& violations) {
  std::ostringstream text;
  for (const Violation& violation : violations) text << "\n  " << violation;
  return text.str();
}

}  // namespace flow::testing

// For GoogleTest: fails with every broken rule. After the operator's name a ContractSubject may
// follow.
#define EXPECT_CONTRACT(library, ...)                                                   \
  do {                                                                                  \
    const auto flow_violations = ::flow::testing::check_contract(library, __VA_ARGS__); \
    EXPECT_TRUE(flow_violations.empty())                                                \
        << "the contract is broken:" << ::flow::testing::described(flow_violations);    \
  } while (false)
