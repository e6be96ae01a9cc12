#pragma once

#include <cstddef>
#include <string_view>

// Optional inputs from which a fuzz entry wants to start. A file in tests/fuzz may define
//
//   extern "C" FuzzSeeds flow_fuzz_seeds() {
//     static constexpr std::string_view kSeeds[] = {"key = 1\n", "[table]\n"};
//     return {kSeeds, std::size(kSeeds)};
//   }
//
// The replay program then mutates these besides its own seeds. The memory must live as long as the
// program.
struct FuzzSeeds {
  const std::string_view* seeds;
  std::size_t count;
};

extern "C" FuzzSeeds flow_fuzz_seeds();
