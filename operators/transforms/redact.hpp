// The transform `redact`: personal data in texts is masked, removed or replaced by a keyed hash.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/field_selection.hpp"
#include "operators/transforms/redact_text.hpp"

namespace flow::operators {

// Columns in which nothing is found are shared; of the others only the texts with a find are
// written anew. A dictionary's values are looked at once.
class Redact final : public Transform {
 public:
  struct Options {
    std::vector<Field> fields;
    Missing missing = Missing::kError;
    std::vector<std::string> kinds{"email", "phone", "card", "iban", "ip"};
    Table patterns;
    RedactAction action = RedactAction::kMask;
    int64_t keep_last = 0;
    std::string replacement = "[redacted]";
    Secret secret;
    HashEncoding hash_encoding = HashEncoding::kHex;
    int64_t hash_bytes = 16;
    bool keep_record = false;
  };
  class Shared;
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  Redact(const Options& options, Shared& shared);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  // What to look at in a column: of a struct its children, of a list its elements.
  struct Selection {
    bool any = false;
    std::vector<Selection> children;
  };
  // A dictionary that was looked at.
  struct KnownDictionary {
    Column before;
    Column after;                 // empty: nothing was found
    std::vector<uint32_t> kinds;  // of all entries, one behind the other
    std::vector<uint32_t> ends;   // of each entry's, in `kinds`
  };
  static constexpr size_t kKnownDictionaries = 16;

  static Selection select(const flow_field& field, const std::string& path,
                          const std::vector<FieldPattern>& patterns, bool chosen,
                          std::vector<bool>& used);
  void select(const flow_schema& schema);
  // An empty column: nothing was found.
  Column redact(const flow_column& column, const Selection& selection, Host host);
  Column redact_texts(const flow_column& column, bool json, Host host, KnownDictionary* dictionary);
  Column redact_categories(const flow_column& column, Host host);
  Column redact_struct(const flow_column& column, const Selection& selection, Host host);
  Column redact_list(const flow_column& column, const Selection& selection, Host host);
  const KnownDictionary& look_up(const flow_column& dictionary, Host host);
  void count(uint32_t kind) { ++counts_[kind]; }

  const Shared& shared_;
  Missing missing_;
  bool keep_record_;
  std::vector<FieldPattern> patterns_;
  TextRedactor redactor_;
  Reference<const flow_schema> schema_;
  std::vector<Selection> selections_;  // one a field of the schema
  std::vector<KnownDictionary> dictionaries_;
  size_t oldest_dictionary_ = 0;
  std::vector<int64_t> counts_;  // by kind
  std::vector<Metric> metrics_;
  std::string text_;
};

// What the instances of a component have in common.
class Redact::Shared {
 public:
  // Throws OptionFailure for a kind that there is not, a pattern that RE2 refuses, and a hash
  // without a secret.
  Shared(const Options& options, Host host);

  const PiiFinder& finder() const { return finder_; }
  const RedactSettings& settings() const { return settings_; }
  // By kind.
  const std::vector<std::string>& names() const { return names_; }

 private:
  static std::vector<std::pair<std::string, std::string>> own_patterns(const Table& patterns);

  RedactSettings settings_;
  std::vector<std::string> names_;
  PiiFinder finder_;
};

}  // namespace flow::operators
