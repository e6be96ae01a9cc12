#include "core/cli/operator_facts.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <utility>

#include "core/config/quantity.hpp"
#include "core/plugin/registry.hpp"

namespace flowrun::cli {
namespace {

struct Trait {
  std::uint64_t flag;
  const char* name;
  const char* meaning;
};

constexpr Trait kTraits[] = {
    {FLOW_STATELESS, "stateless", "runs in parallel, and fused with its neighbours"},
    {FLOW_KEYED, "keyed", "runs in parallel, rows of one key stay in order"},
    {FLOW_SERIAL, "serial", "one instance, rows in order"},
    {FLOW_BLOCKING, "blocking", "may wait, so it runs on a thread of its own"},
    {FLOW_ORDER_DEPENDENT, "order_dependent",
     "its result depends on the order in which rows of different keys arrive, so it may differ "
     "from run to run"},
    {FLOW_CLOCK_DEPENDENT, "clock_dependent",
     "its result depends on the time of processing, so it may differ from run to run"},
    {FLOW_BYTES, "bytes", "carries bytes, which a codec turns from or into rows"},
    {FLOW_MESSAGES, "messages", "carries messages, one a row"},
    {FLOW_DECODES, "decodes", "bytes to rows, for `decoding` of sources"},
    {FLOW_ENCODES, "encodes", "rows to bytes, for `encoding` of sinks"},
    {FLOW_ONCE, "once", "cannot be read again: with checkpoints, a journal keeps what it gave"},
    {FLOW_TWO_PHASE, "two_phase", "with checkpoints, each row is delivered exactly once"},
    {FLOW_ANY_ROWS, "any_rows", "takes rows of any kind; `encoding` is optional"},
};

// Ranges this far out are no limit that anybody meets.
constexpr double kUnbounded = 9.2e18;

std::string bound_text(const flow_option& option, double bound) {
  const auto whole = static_cast<std::int64_t>(bound);
  if (option.type == FLOW_OPTION_DURATION) return format_duration(whole);
  if (option.type == FLOW_OPTION_SIZE) return format_size(whole);
  return fmt::format("{}", bound);
}

constexpr CommonKey kInputs = {
    "inputs", "list or table",
    "What it reads: ids of components, \"id\" or \"id.port\" (eg \"parsed.errors\"). An operator "
    "with several inputs takes a table, { left = [\"a\"], right = [\"b\"] }. Required."};
constexpr CommonKey kOnError = {
    "on_error", "choice",
    "What becomes of rows that fail here, unless another component reads its `errors` port: "
    "dead_letter, drop or stop. As [pipeline] says, unless given."};
constexpr CommonKey kParallelism = {
    "parallelism", "int",
    "How many instances share the keys. A batch is split among them, so that 1 is best where the "
    "operator has little to do and batches are small. As [pipeline] says, unless given."};
constexpr CommonKey kRenamedFrom = {
    "renamed_from", "text",
    "The id that the component had before: a run that goes on from a checkpoint gives it the state "
    "that was kept under that name. Without effect once a checkpoint has the new name; it may be "
    "taken out then."};
constexpr CommonKey kDecoding = {
    "decoding", "text or table",
    "The codec that makes rows of its bytes: a name, or a table with `type` and the codec's "
    "options, { type = \"lines\", max_line = \"64KiB\" }. Codecs are listed by 'flowrun inspect'. "
    "\"lines\", unless given."};
constexpr CommonKey kMessageDecoding = {
    "decoding", "text or table",
    "The codec that makes rows of its messages: a name, or a table with `type` and the codec's "
    "options. Messages stay bytes, unless given."};
constexpr CommonKey kEncoding = {
    "encoding", "text or table",
    "The codec that makes bytes of rows: a name, or a table with `type` and the codec's options, "
    "{ type = \"json\", nulls = \"write\" }. It runs in parallel, the sink only writes. \"json\", "
    "unless given."};

}  // namespace

std::vector<std::string> trait_names(std::uint64_t traits) {
  std::vector<std::string> names;
  for (const Trait& trait : kTraits) {
    if ((traits & trait.flag) != 0) names.emplace_back(trait.name);
  }
  return names;
}

std::string trait_meaning(const std::string& name) {
  for (const Trait& trait : kTraits) {
    if (name == trait.name) return trait.meaning;
  }
  return {};
}

std::string range_text(const flow_option& option) {
  if (option.has_range == 0) return {};
  const bool has_min = option.min > -kUnbounded;
  const bool has_max = option.max < kUnbounded;
  if (has_min && has_max) {
    return bound_text(option, option.min) + " to " + bound_text(option, option.max);
  }
  if (has_min) return "at least " + bound_text(option, option.min);
  return has_max ? "at most " + bound_text(option, option.max) : "";
}

std::vector<std::string> choices_of(const flow_option& option) {
  std::vector<std::string> choices;
  if (option.choices == nullptr) return choices;
  for (const char* const* choice = option.choices; *choice != nullptr; ++choice) {
    choices.emplace_back(*choice);
  }
  return choices;
}

std::vector<CommonKey> common_keys_of(const flow_descriptor& descriptor) {
  std::vector<CommonKey> keys;
  if (descriptor.kind == FLOW_CODEC) return keys;
  if (descriptor.kind != FLOW_SOURCE) keys.push_back(kInputs);
  const bool bytes = (descriptor.traits & FLOW_BYTES) != 0;
  const bool messages = (descriptor.traits & FLOW_MESSAGES) != 0;
  if (descriptor.kind == FLOW_SOURCE && bytes) keys.push_back(kDecoding);
  if (descriptor.kind == FLOW_SOURCE && messages && !bytes) keys.push_back(kMessageDecoding);
  if (descriptor.kind == FLOW_SINK && (bytes || messages)) keys.push_back(kEncoding);
  keys.push_back(kOnError);
  if (is_keyed(descriptor)) keys.push_back(kParallelism);
  keys.push_back(kRenamedFrom);
  return keys;
}

}  // namespace flowrun::cli
