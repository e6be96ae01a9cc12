#include "core/graph/watermarks.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <stdexcept>

#include "flow/host/interned.hpp"

namespace flowrun {

using flow::host::interned;

SourcePartitions::SourcePartitions(const std::string& source) {
  open_.source = interned(source.c_str());
}

void SourcePartitions::open(const std::string& partition) {
  const char* name = interned(partition.c_str());
  if (std::find(open_.names.begin(), open_.names.end(), name) != open_.names.end()) return;
  open_.names.push_back(name);
  open_.waited = false;
  changed_ = true;
}

void SourcePartitions::close(const std::string& partition) {
  changed_ |= std::erase(open_.names, interned(partition.c_str())) > 0;
}

void SourcePartitions::close_all() {
  changed_ |= !open_.names.empty();
  open_.names.clear();
}

void SourcePartitions::waits() {
  changed_ |= !open_.waited;
  open_.waited = true;
}

const OpenPartitionsPointer& SourcePartitions::current() {
  if (changed_) current_ = std::make_shared<const OpenPartitions>(open_);
  changed_ = false;
  return current_;
}

void OpenPartitionsMerge::expect(std::size_t input, const std::vector<std::string>& sources) {
  for (const std::string& source : sources) {
    sources_[interned(source.c_str())].by_input.try_emplace(input);
  }
}

OpenPartitionsPointer OpenPartitionsMerge::merged(std::size_t input,
                                                  const OpenPartitionsPointer& open, bool ended) {
  Source& source = sources_[open->source];
  OpenPartitionsPointer& known = source.by_input[input];
  if (known == open && source.merged != nullptr) return source.merged;
  known = open;
  auto together = std::make_shared<OpenPartitions>(*open);
  const auto add = [&](const OpenPartitions& other) {
    for (const char* name : other.names) {
      if (std::find(together->names.begin(), together->names.end(), name) ==
          together->names.end()) {
        together->names.push_back(name);
      }
    }
    together->waited &= other.waited;
  };
  bool all_heard = true;
  for (const auto& [other, has] : source.by_input) {
    if (other == input) continue;
    if (has != nullptr) {
      add(*has);
    } else {
      all_heard = false;
    }
  }
  if (!all_heard && source.merged != nullptr) add(*source.merged);
  if (ended) source.by_input.erase(input);
  source.merged = std::move(together);
  return source.merged;
}

void Watermarks::expect(const std::vector<std::string>& sources, bool unnamed) {
  for (const std::string& source : sources) missing_.push_back(interned(source.c_str()));
  unnamed_ = unnamed;
  gathered_ = false;
}

void Watermarks::follow(const std::string& source, Told told) {
  followed_.push_back({interned(source.c_str()), std::move(told), {}, {}});
  gathered_ = false;
}

void Watermarks::note(const OpenPartitionsPointer& open) {
  if (open == nullptr) return;
  OpenPartitionsPointer& known = heard_[open->source];
  if (known == open) return;
  known = open;
  std::erase(missing_, open->source);
  gathered_ = false;
}

void Watermarks::tell(const char* source, const char* partition, std::int64_t watermark,
                      std::int64_t now) {
  const auto [found, is_new] =
      partitions_.try_emplace(Place(interned(source), interned(partition)));
  Partition& told = found->second;
  told.told = true;
  told.watermark = std::max(told.watermark, watermark);
  highest_ = std::max(highest_, watermark);
  told.seen = now;
  if (is_new) gathered_ = false;
}

// Finds what counts, and lets go of what does not any more.
void Watermarks::gather(std::int64_t now) {
  static const Partition kUnheard;
  open_.clear();
  std::set<Place> kept;
  const auto add = [&](const Place& place, bool waits) {
    const auto [found, is_new] = partitions_.try_emplace(place);
    if (is_new) found->second.seen = now;
    if (!kept.insert(place).second) return;
    const auto whole = partitions_.find(Place(place.first, nullptr));
    const auto followed =
        std::find_if(followed_.begin(), followed_.end(),
                     [&](const Followed& other) { return other.source == place.first; });
    open_.push_back(
        {&found->second,
         whole != partitions_.end() && place.second != nullptr ? &whole->second : nullptr, waits,
         followed != followed_.end() ? &*followed : nullptr});
    if (whole != partitions_.end()) kept.insert(whole->first);
  };
  for (std::size_t i = 0; i < missing_.size(); ++i) open_.push_back({&kUnheard});
  for (const auto& [source, open] : heard_) {
    for (const char* name : open->names) add(Place(source, name), !open->waited);
  }
  // Rows whose origin was lost on the way.
  const Place nameless(nullptr, nullptr);
  if (unnamed_ || partitions_.count(nameless) != 0) add(nameless, false);
  std::erase_if(partitions_, [&](const auto& entry) {
    const auto& [source, partition] = entry.first;
    // What was told may come before its source is heard of: after a restart.
    return kept.count(entry.first) == 0 && partition != nullptr &&
           std::find(missing_.begin(), missing_.end(), source) == missing_.end();
  });
  gathered_ = true;
}

void Watermarks::end() {
  for (Followed& followed : followed_) {
    if (followed.last) followed.told(std::nullopt);
    followed.last.reset();
  }
}

std::optional<Watermarks::Step> Watermarks::advance(std::int64_t now, std::int64_t held_up) {
  if (!gathered_) gather(now);
  std::int64_t lowest = INT64_MAX;
  bool silent = true;
  next_look_ = INT64_MAX;
  for (Followed& followed : followed_) followed.lowest.reset();
  for (const Open& open : open_) {
    const Partition& partition =
        open.whole != nullptr && open.whole->told ? *open.whole : *open.partition;
    if (idle_ > 0 && (partition.told || !open.waits)) {
      const std::int64_t since =
          std::max({partition.seen, partition.told ? INT64_MIN : began_, held_up});
      if (now - since >= idle_) continue;
      next_look_ = std::min(next_look_, since + idle_);
    }
    silent = false;
    lowest = std::min(lowest, partition.told ? partition.watermark : INT64_MIN);
    if (open.followed != nullptr && partition.told) {
      std::optional<std::int64_t>& of_source = open.followed->lowest;
      of_source = std::min(of_source.value_or(INT64_MAX), partition.watermark);
    }
  }
  for (Followed& followed : followed_) {
    if (followed.lowest == followed.last) continue;
    followed.last = followed.lowest;
    followed.told(followed.lowest);
  }
  if (silent && idle_ > 0 && highest_ > watermark_) {
    // Those further back are silent, and those further ahead have ended or are silent, too: nobody
    // is left to wait for. The silence itself is told next.
    watermark_ = highest_;
    next_look_ = now;
    sent_ = Step{false, watermark_};
    return sent_;
  }
  Step step;
  step.idle = silent;
  if (!silent) watermark_ = std::max(watermark_, lowest);
  step.watermark = silent ? INT64_MIN : watermark_;
  if (sent_ == step) return std::nullopt;
  const bool nothing_yet = !sent_ && !silent && watermark_ == INT64_MIN;
  if (nothing_yet) return std::nullopt;
  sent_ = step;
  return step;
}

std::string Watermarks::save() const {
  return {reinterpret_cast<const char*>(&watermark_), sizeof watermark_};
}

void Watermarks::load(std::string_view saved) {
  if (saved.size() != sizeof watermark_) throw std::runtime_error("a saved watermark is cut off");
  std::memcpy(&watermark_, saved.data(), sizeof watermark_);
}

}  // namespace flowrun
