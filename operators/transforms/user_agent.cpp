#include "operators/transforms/user_agent.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "operators/common/text_hash.hpp"
#include "operators/common/text_source.hpp"

namespace flow::operators {
namespace {

constexpr int32_t kNull = -2;  // beside the codes and SharedDictionary::kNone
constexpr size_t kProbes = 8;
constexpr size_t kFirstSlots = 1024;
constexpr size_t kMostOutputs = 8;

// For an instance's own slots: of a long agent its ends and its middle, without a branch on how
// long it is. Agents that differ elsewhere share a hash, and are told apart by their texts.
inline uint64_t slot_hash(std::string_view text) {
  constexpr size_t kEnd = 32;
  if (text.size() < kEnd * 2) return text_hash(text);
  const auto fold = [](const char* at, uint64_t a, uint64_t b) {
    return detail::multiply_fold(detail::load_word(at) ^ a, detail::load_word(at + 8) ^ b);
  };
  constexpr uint64_t kFirst = 0x9e3779b97f4a7c15U;
  constexpr uint64_t kSecond = 0xc2b2ae3d27d4eb4fU;
  const char* const begin = text.data();
  const char* const middle = begin + text.size() / 2 - kEnd / 2;
  const char* const last = begin + text.size() - kEnd;
  const uint64_t a = fold(begin + 12, kFirst, text.size()) ^ fold(middle, kSecond, kFirst);
  const uint64_t b = fold(middle + 16, kFirst + 1, kSecond) ^ fold(last, kSecond + 1, kFirst);
  return detail::multiply_fold(a ^ fold(last + 16, kSecond + 2, kFirst), b ^ kSecond);
}

// As a == b for texts that are mostly long, mostly equal, and of any length.
inline bool is_same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
#if defined(__SSE2__)
  if (a.size() < 32) return a == b;
  const auto differs = [&](size_t at) {
    const auto* const left = reinterpret_cast<const __m128i*>(a.data() + at);
    const auto* const right = reinterpret_cast<const __m128i*>(b.data() + at);
    const __m128i same =
        _mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128(left), _mm_loadu_si128(right)),
                      _mm_cmpeq_epi8(_mm_loadu_si128(left + 1), _mm_loadu_si128(right + 1)));
    return 0xffff ^ _mm_movemask_epi8(same);
  };
  int different = differs(a.size() - 32);
  for (size_t at = 0; at + 32 < a.size(); at += 32) different |= differs(at);
  return different == 0;
#else
  return a == b;
#endif
}

// "10.15.7" out of its parts; static per thread because callers want a view.
std::string_view version(const std::string& major, const std::string& minor,
                         const std::string& patch) {
  thread_local std::string joined;
  joined = major;
  for (const std::string* part : {&minor, &patch}) {
    if (major.empty() || part->empty()) break;
    joined += '.';
    joined += *part;
  }
  return joined;
}

using Member = IdentifyUserAgent::Shared::Member;
constexpr std::pair<std::string_view, Member> kMembers[] = {
    {"os", [](const UserAgent& agent) -> std::string_view { return agent.os_family; }},
    {"os_version",
     [](const UserAgent& agent) {
       return version(agent.os_major, agent.os_minor, agent.os_patch);
     }},
    {"browser", [](const UserAgent& agent) -> std::string_view { return agent.browser; }},
    {"browser_version",
     [](const UserAgent& agent) {
       return version(agent.browser_major, agent.browser_minor, agent.browser_patch);
     }},
    {"device", [](const UserAgent& agent) -> std::string_view { return agent.device_family; }},
    {"device_brand", [](const UserAgent& agent) -> std::string_view { return agent.device_brand; }},
    {"device_model", [](const UserAgent& agent) -> std::string_view { return agent.device_model; }},
    {"device_type", [](const UserAgent& agent) { return to_string(agent.device_type); }}};

static_assert(std::size(kMembers) == kMostOutputs);

}  // namespace

// One agent, parsed. Immutable.
struct IdentifyUserAgent::Agent {
  std::array<int32_t, kMostOutputs> codes{};  // one an output column
  std::string text;
  std::vector<std::string> values;  // the same as text, where a dictionary had no room left
};

void IdentifyUserAgent::describe(Description<Options>& d) {
  d.name("user_agent");
  d.summary("Says which browser, system and device a User-Agent header speaks of.");
  d.traits(FLOW_STATELESS);
  d.doc(
      R"(Adds the columns named by `fields`, in that order, as uap-core's expressions read the header:

| column | for example |
|---|---|
| `os`, `os_version` | `Mac OS X`, `10.15.7` |
| `browser`, `browser_version` | `Chrome`, `120.0.0` |
| `device`, `device_brand`, `device_model` | `iPhone`, `Apple`, `iPhone` |
| `device_type` | `desktop`, `mobile`, `tablet`, `bot` or `other` |

A family that no expression knows is `Other`; what an expression does not tell (a version, a brand) is null.
Where the agent is null all columns are. No row fails: any bytes can be read.

An agent is parsed once, in some 10 us and at first 100 us more for each expression that it is the first to
need; after that it is found by its whole text in about 30 ns. The columns are categories: every distinct
value is kept once.)");
  d.example(R"(type = "user_agent"
inputs = ["located"]
fields = ["os", "browser", "browser_version", "device_type"]
)");
  d.option("field", &Options::field, "The column with the User-Agent header.");
  d.option(
      "regexes", &Options::regexes,
      "The file with the expressions, in the form of uap-core's regexes.yaml; the default is where "
      "Debian's package uap-core puts it. It is read at the start, in the background (some 20 ms), "
      "and not again.");
  d.option("fields", &Options::fields,
           "The columns to add: any of `os`, `os_version`, `browser`, `browser_version`, `device`, "
           "`device_brand`, `device_model`, `device_type`. Each costs about 2 ns a row.");
  d.option(
       "cache", &Options::cache,
       "How many distinct agents are remembered, about 400 bytes each, for all instances together; "
       "when there are more, a part of them is forgotten and parsed again. A busy site sees some "
       "ten thousand in a day.")
      .range(64, 16777216);
}

IdentifyUserAgent::Shared::Shared(const Options& options, Host)
    : most_in_shard_(static_cast<size_t>(options.cache) / kShards + 1), file_(options.regexes) {
  for (const std::string& name : options.fields) {
    const auto* const found =
        std::find_if(std::begin(kMembers), std::end(kMembers),
                     [&](const auto& member) { return member.first == name; });
    if (found == std::end(kMembers)) {
      std::string message = "fields: there is no '" + name + "'; there are";
      for (const auto& [known, member] : kMembers) {
        message.append(known == kMembers[0].first ? " " : ", ").append(known);
      }
      throw Failure(message);
    }
    for (const Output& output : outputs_) {
      if (output.name == name) throw Failure("fields: '" + name + "' is there twice");
    }
    outputs_.push_back({name, found->second, std::make_unique<SharedDictionary>()});
  }
  if (outputs_.empty()) throw Failure("fields: name at least one column");
  parser_ = std::async(std::launch::async, [file = file_] {
              return UserAgentParser::load(file);
            }).share();
}

IdentifyUserAgent::Shared::~Shared() {
  if (parser_.valid()) parser_.wait();
}

void IdentifyUserAgent::Shared::wait() {
  try {
    parser_.get();
  } catch (const std::exception& trouble) {
    throw Failure("regexes: " + std::string(trouble.what()));
  }
}

std::shared_ptr<const IdentifyUserAgent::Agent> IdentifyUserAgent::Shared::make(
    Host host, std::string_view text) const {
  const UserAgent parsed = parser_.get()->parse(text);
  auto agent = std::make_shared<Agent>();
  agent->text = text;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Output& output = outputs_[i];
    const std::string_view value = output.member(parsed);
    const int32_t code = value.empty() ? kNull : output.dictionary->intern(host, value);
    agent->codes[i] = code;
    agent->values.emplace_back(code == SharedDictionary::kNone ? value : std::string_view());
  }
  return agent;
}

std::shared_ptr<const IdentifyUserAgent::Agent> IdentifyUserAgent::Shared::get(
    Host host, std::string_view text) {
  const uint64_t hash = text_hash(text);
  Shard& shard = shards_[hash % kShards];
  const auto known = [&]() -> std::shared_ptr<const Agent> {
    const auto [first, last] = shard.agents.equal_range(hash);
    for (auto at = first; at != last; ++at) {
      if (at->second->text == text) return at->second;
    }
    return nullptr;
  };
  {
    const std::lock_guard lock(shard.mutex);
    if (auto agent = known()) return agent;
  }
  std::shared_ptr<const Agent> agent = make(host, text);
  const std::lock_guard lock(shard.mutex);
  if (auto earlier = known()) return earlier;
  if (shard.agents.size() >= most_in_shard_) shard.agents.clear();
  shard.agents.emplace(hash, agent);
  return agent;
}

void IdentifyUserAgent::infer(const Options& options, Shared& shared, Inference& inference) {
  infer_text_column(inference, "field", options.field.name);
  Fields added;
  for (const Shared::Output& output : shared.outputs()) {
    added.emplace_back(output.name, Type::category());
  }
  inference.with(added);
}

IdentifyUserAgent::IdentifyUserAgent(const Options& options, Shared& shared)
    : options_(options),
      shared_(shared),
      input_("field", options.field.name),
      slots_(kFirstSlots) {}

IdentifyUserAgent::~IdentifyUserAgent() = default;

void IdentifyUserAgent::open(Output& out) {
  shared_.wait();
  misses_metric_ =
      out.counter("user_agent_cache_misses",
                  "Agents that this instance did not remember, and asked for or parsed.");
}

// Slots are probed in one stretch of kProbes; the table grows up to twice the cache's size, and
// from then on an agent without a free slot takes the first of its stretch.
const IdentifyUserAgent::Agent& IdentifyUserAgent::find_new(std::string_view text, uint64_t hash,
                                                            Output& out) {
  ++misses_;
  Slot fresh{hash, shared_.get(out, text)};
  const Agent& agent = *fresh.agent;
  const auto place = [this](size_t at) -> Slot& { return slots_[at & (slots_.size() - 1)]; };
  const auto free_slot = [&](uint64_t wanted) -> Slot* {
    for (size_t probe = 0; probe < kProbes; ++probe) {
      if (!place(wanted + probe).agent) return &place(wanted + probe);
    }
    return nullptr;
  };
  Slot* slot = free_slot(hash);
  const auto most = std::bit_ceil(static_cast<size_t>(options_.cache)) * 2;
  while (slot == nullptr && slots_.size() < most) {
    std::vector<Slot> before(slots_.size() * 2);
    before.swap(slots_);
    for (Slot& moved : before) {
      if (!moved.agent) continue;
      if (Slot* const to = free_slot(moved.hash)) {
        *to = std::move(moved);
      } else {
        replaced_.push_back(std::move(moved.agent));
      }
    }
    slot = free_slot(hash);
  }
  if (slot == nullptr) {
    slot = &place(hash);
    replaced_.push_back(std::move(slot->agent));
  }
  *slot = std::move(fresh);
  return agent;
}

inline const IdentifyUserAgent::Agent& IdentifyUserAgent::find(std::string_view text, uint64_t hash,
                                                               Output& out) {
  const size_t mask = slots_.size() - 1;
  for (size_t probe = 0; probe < kProbes; ++probe) {
    const Slot& slot = slots_[(hash + probe) & mask];
    if (slot.hash == hash && slot.agent && is_same(slot.agent->text, text)) return *slot.agent;
  }
  return find_new(text, hash, out);
}

// Sets of_row_. In groups, so that what is asked for in one step is there in the next.
void IdentifyUserAgent::identify(const TextSource& source, Output& out) {
  constexpr int64_t kGroup = 16;
  std::array<uint64_t, kGroup> hashes;
  std::array<std::string_view, kGroup> texts;
  const int64_t rows = source.size();
  for (int64_t first = 0; first < rows; first += kGroup) {
    const auto n = static_cast<size_t>(std::min(kGroup, rows - first));
    for (size_t i = 0; i < n; ++i) {
      source.prefetch(std::min(first + kGroup + static_cast<int64_t>(i), rows - 1));
      // No more is read, so that no more has to be remembered either.
      const int64_t row = first + static_cast<int64_t>(i);
      texts[i] = source.is_null(row) ? std::string_view("")
                                     : source[row].substr(0, UserAgentParser::kMaximumAgentLength);
      hashes[i] = slot_hash(texts[i]);
      __builtin_prefetch(&slots_[hashes[i] & (slots_.size() - 1)]);
    }
    for (size_t i = 0; i < n; ++i) {
      if (const Agent* const agent = slots_[hashes[i] & (slots_.size() - 1)].agent.get()) {
        __builtin_prefetch(agent);
      }
    }
    for (size_t i = 0; i < n; ++i) {
      if (const Agent* const agent = slots_[hashes[i] & (slots_.size() - 1)].agent.get()) {
        __builtin_prefetch(agent->text.data());
        __builtin_prefetch(agent->text.data() + 64);
      }
    }
    for (size_t i = 0; i < n; ++i) {
      const int64_t row = first + static_cast<int64_t>(i);
      of_row_[static_cast<size_t>(row)] =
          source.is_null(row) ? nullptr : &find(texts[i], hashes[i], out);
    }
  }
}

// The same for a category, whose texts are looked at once.
void IdentifyUserAgent::identify_codes(const TextSource& source, Output& out) {
  of_code_.assign(static_cast<size_t>(source.texts().array->length), nullptr);
  for (int64_t row = 0; row < source.size(); ++row) {
    const Agent*& agent = of_row_[static_cast<size_t>(row)];
    if (source.is_null(row)) {
      agent = nullptr;
      continue;
    }
    const Agent*& known = of_code_[static_cast<size_t>(source.codes()[row])];
    if (known == nullptr) {
      const std::string_view text = source[row].substr(0, UserAgentParser::kMaximumAgentLength);
      known = &find(text, slot_hash(text), out);
    }
    agent = known;
  }
}

void IdentifyUserAgent::process(const Batch& in, Output& out) {
  const flow_column& column = input_.find(in, out);
  const TextSource source(column);
  const int64_t rows = source.size();
  of_row_.resize(static_cast<size_t>(rows));
  if (source.codes() != nullptr) {
    identify_codes(source, out);
  } else {
    identify(source, out);
  }

  std::vector<NewColumn> columns;
  for (size_t i = 0; i < shared_.outputs().size(); ++i) {
    const Shared::Output& output = shared_.outputs()[i];
    DictionaryBuilder builder(out, rows, *output.dictionary);
    for (const Agent* const agent : of_row_) {
      const int32_t code = agent == nullptr ? kNull : agent->codes[i];
      if (code == kNull) {
        builder.append_null();
      } else {
        builder.append(code, code == SharedDictionary::kNone ? std::string_view(agent->values[i])
                                                             : std::string_view());
      }
    }
    columns.push_back({output.name, builder.finish()});
  }
  replaced_.clear();
  if (misses_ > 0) misses_metric_.record(static_cast<double>(std::exchange(misses_, 0)));
  out.emit(out.with(in, columns));
}

}  // namespace flow::operators
