#include "operators/common/line_framer.hpp"

#include <cstring>

namespace flow::operators {
namespace {

// Any 64-bit hash does: a piece and its note are in the same process, and a false match would need
// two different pieces of over-long lines in flight at once.
uint64_t hash_of(std::string_view bytes) {
  uint64_t hash = bytes.size() * 0x9E3779B97F4A7C15U;
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t n = bytes.size() < sizeof word ? bytes.size() : sizeof word;
    std::memcpy(&word, bytes.data(), n);
    hash = (hash ^ word) * 0xD6E8FEB86659FD93U;
    hash ^= hash >> 32;
    bytes.remove_prefix(n);
  }
  return hash;
}

}  // namespace

void LineContinuations::note(std::string_view piece) {
  const uint64_t hash = hash_of(piece);
  const std::lock_guard lock(mutex_);
  ++notes_[hash];
}

bool LineContinuations::take(std::string_view piece) {
  const uint64_t hash = hash_of(piece);
  const std::lock_guard lock(mutex_);
  const auto found = notes_.find(hash);
  if (found == notes_.end()) return false;
  if (--found->second == 0) notes_.erase(found);
  return true;
}

int64_t LineFramer::frame(std::string_view bytes, bool final) {
  if (bytes.empty()) return 0;
  const void* newline = memrchr(bytes.data(), '\n', bytes.size());
  int64_t whole = 0;
  bool cut = false;
  if (final) {
    whole = static_cast<int64_t>(bytes.size());
  } else if (newline != nullptr) {
    whole = static_cast<const char*>(newline) + 1 - bytes.data();
  } else {
    // Two bytes more than max_line, since the last may turn out to be the CR of the line's end.
    const int64_t held = max_line_ + 2;
    if (static_cast<int64_t>(bytes.size()) < 2 * held) return 0;
    whole = static_cast<int64_t>(bytes.size()) - held;
    cut = true;
  }
  if (inside_) continuations_.note(bytes.substr(0, static_cast<size_t>(whole)));
  inside_ = cut;
  return whole;
}

}  // namespace flow::operators
