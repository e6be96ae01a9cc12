// Names that live for ever: those of sources and partitions, which batches refer to.
#pragma once

#include <array>
#include <cstring>
#include <mutex>
#include <string>
#include <unordered_set>

namespace flow::host {

// The one copy of `text`, never freed; NULL for NULL. Thread-safe. Cheap for a text that was
// interned before, so that a batch made from another costs no lock.
inline const char* interned(const char* text) {
  if (text == nullptr) return nullptr;
  // Holds only pointers returned from here: nothing else ever has their addresses.
  thread_local std::array<const char*, 16> known{};
  const auto slot_of = [](const char* pointer) {
    return (reinterpret_cast<uintptr_t>(pointer) >> 4) % known.size();
  };
  if (known[slot_of(text)] == text) return text;

  static auto* mutex = new std::mutex;
  static auto* names = new std::unordered_set<std::string>;
  const std::lock_guard lock(*mutex);
  const char* kept = names->emplace(text).first->c_str();
  known[slot_of(kept)] = kept;
  return kept;
}

}  // namespace flow::host
