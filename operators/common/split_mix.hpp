// Numbers that look random and are a function of their place.
#pragma once

#include <cstdint>

namespace flow::operators {

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): its n-th
// number is a function of n alone.
inline uint64_t split_mix(uint64_t seed, uint64_t n) {
  uint64_t x = seed + n * 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace flow::operators
