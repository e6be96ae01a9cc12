#include "operators/transforms/user_agent.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "operators/common/text_hash.hpp"
#include "operators/common/text_source.hpp"

namespace flow::operators {
namespace {

constexpr int32_t kNull = -2;  // beside the codes and SharedDictionary::kNone
constexpr size_t kProbes = 8;
constexpr size_t kFirstSlots = 1024;

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

}  // namespace

// One agent, parsed. Immutable.
struct IdentifyUserAgent::Agent {
  std::string text;
  uint64_t hash = 0;
  std::vector<int32_t> codes;       // one an output column
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
need; after that it is found by its whole text in about 40 ns. The columns are categories: every distinct
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
      std::string names;
      for (const auto& [known, member] : kMembers) {
        names += (names.empty() ? "" : ", ") + std::string(known);
      }
      throw Failure("fields: there is no '" + name + "'; there are " + names);
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
    Host host, std::string_view text, uint64_t hash) const {
  const UserAgent parsed = parser_.get()->parse(text);
  auto agent = std::make_shared<Agent>();
  agent->text = text;
  agent->hash = hash;
  for (const Output& output : outputs_) {
    const std::string_view value = output.member(parsed);
    const int32_t code = value.empty() ? kNull : output.dictionary->intern(host, value);
    agent->codes.push_back(code);
    agent->values.emplace_back(code == SharedDictionary::kNone ? value : std::string_view());
  }
  return agent;
}

std::shared_ptr<const IdentifyUserAgent::Agent> IdentifyUserAgent::Shared::get(
    Host host, std::string_view text, uint64_t hash) {
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
  std::shared_ptr<const Agent> agent = make(host, text, hash);
  const std::lock_guard lock(shard.mutex);
  if (auto earlier = known()) return earlier;
  if (shard.agents.size() >= most_in_shard_) shard.agents.clear();
  shard.agents.emplace(hash, agent);
  return agent;
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
                                                            size_t home, Output& out) {
  ++misses_;
  Slot fresh{hash, shared_.get(out, text, hash)};
  const Agent& agent = *fresh.agent;
  const auto place = [this](size_t at) -> Slot& { return slots_[at & (slots_.size() - 1)]; };
  const auto free_slot = [&](uint64_t wanted) -> Slot* {
    for (size_t probe = 0; probe < kProbes; ++probe) {
      if (!place(wanted + probe).agent) return &place(wanted + probe);
    }
    return nullptr;
  };
  Slot* slot = free_slot(home);
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

inline const IdentifyUserAgent::Agent& IdentifyUserAgent::find(std::string_view text, Output& out) {
  // No more is read, so that no more has to be remembered either.
  text = text.substr(0, UserAgentParser::kMaximumAgentLength);
  const uint64_t hash = text_hash(text);
  const size_t mask = slots_.size() - 1;
  for (size_t probe = 0; probe < kProbes; ++probe) {
    const Slot& slot = slots_[(hash + probe) & mask];
    if (slot.hash == hash && slot.agent && slot.agent->text == text) return *slot.agent;
  }
  return find_new(text, hash, static_cast<size_t>(hash), out);
}

void IdentifyUserAgent::process(const Batch& in, Output& out) {
  const flow_column& column = input_.find(in, out);
  const TextSource source(column);
  const int64_t rows = source.size();
  of_row_.resize(static_cast<size_t>(rows));
  of_code_.clear();
  if (source.codes() != nullptr) {
    of_code_.resize(static_cast<size_t>(source.texts().array->length), nullptr);
  }
  for (int64_t row = 0; row < rows; ++row) {
    const Agent*& agent = of_row_[static_cast<size_t>(row)];
    if (source.is_null(row)) {
      agent = nullptr;
    } else if (!of_code_.empty()) {
      const Agent*& known = of_code_[static_cast<size_t>(source.codes()[row])];
      if (known == nullptr) known = &find(source[row], out);
      agent = known;
    } else {
      agent = &find(source[row], out);
    }
  }

  std::vector<NewColumn> columns;
  for (size_t i = 0; i < shared_.outputs().size(); ++i) {
    const Shared::Output& output = shared_.outputs()[i];
    DictionaryBuilder builder(out, rows, *output.dictionary);
    for (const Agent* const agent : of_row_) {
      if (agent == nullptr || agent->codes[i] == kNull) {
        builder.append_null();
      } else {
        builder.append(agent->codes[i], agent->values[i]);
      }
    }
    columns.push_back({output.name, builder.finish()});
  }
  replaced_.clear();
  if (misses_ > 0) misses_metric_.record(static_cast<double>(std::exchange(misses_, 0)));
  out.emit(out.with(in, columns));
}

}  // namespace flow::operators
