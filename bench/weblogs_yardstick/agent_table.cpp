#include "bench/weblogs_yardstick/agent_table.hpp"

#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace yardstick {

namespace {

std::string escaped(std::string_view text) {
  const std::string padded = std::string(text) + std::string(kSlack, '\0');
  std::string json(text.size() * kMaximumExpansion + kSlack, '\0');
  const char* const end = escape(json.data(), {padded.data(), text.size()});
  json.resize(static_cast<std::size_t>(end - json.data()));
  return json;
}

}  // namespace

std::unique_ptr<const Agent> AgentTable::make(std::string_view raw) const {
  const flow::operators::UserAgent parsed = parser_->parse(raw);
  const std::string field = ",\"agent\":\"" + escaped(raw) + "\"";
  std::string families;
  const auto add = [&families](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    families.append(",\"").append(key).append("\":\"").append(escaped(value)).append("\"");
  };
  add("os", parsed.os_family);
  add("browser", parsed.browser);
  add("device_type", to_string(parsed.device_type));

  auto agent = std::make_unique<Agent>();
  agent->memory = field + families;
  // Mostly nothing is escaped, and the raw text is inside the field.
  const bool shared = std::string_view(agent->memory).substr(10, raw.size()) == raw;
  const std::size_t raw_at = shared ? 10 : agent->memory.size();
  if (!shared) agent->memory += raw;
  agent->memory.append(kSlack, '\0');
  const std::string_view memory = agent->memory;
  agent->raw = memory.substr(raw_at, raw.size());
  agent->field = memory.substr(0, field.size());
  agent->families = memory.substr(field.size(), families.size());
  return agent;
}

const Agent* AgentTable::get(std::string_view raw) {
  {
    const std::lock_guard lock(lock_);
    const auto known = agents_.find(raw);
    if (known != agents_.end()) return known->second.get();
  }
  std::unique_ptr<const Agent> agent = make(raw);
  const std::string_view key = agent->raw;
  const std::lock_guard lock(lock_);
  return agents_.try_emplace(key, std::move(agent)).first->second.get();
}

std::uint64_t AgentCache::hash(std::string_view raw) { return XXH3_64bits(raw.data(), raw.size()); }

const Agent* AgentCache::miss(std::string_view raw, std::uint64_t hash) {
  const Agent* const agent = table_.get(raw);
  if (2 * ++used_ > slots_.size()) {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.agent != nullptr) insert(slot);
    }
  }
  insert({hash, agent});
  return agent;
}

void AgentCache::insert(Slot slot) {
  std::size_t place = slot.hash & mask_;
  while (slots_[place].agent != nullptr) place = (place + 1) & mask_;
  slots_[place] = slot;
}

}  // namespace yardstick
