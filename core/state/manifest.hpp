// What a checkpoint consists of, and its bytes. FORMAT.md says where each stands.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "flow/abi.h"

namespace flowrun {

struct ManifestError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Manifest {
  // Where the bytes of a page stand. What follows `length` up to FLOW_PAGE_BYTES is zero.
  struct Page {
    std::uint64_t file = 0;    // the checkpoint that wrote it
    std::uint64_t offset = 0;  // of its content
    std::uint32_t length = 0;
    std::uint64_t checksum = 0;  // XXH3 of its content
  };
  struct Area {
    std::uint32_t group = 0;
    std::uint32_t area = 0;
    std::vector<Page> pages;  // by index
  };
  struct Table {
    std::uint32_t version = 0;
    std::vector<Area> areas;  // by group, then area
  };
  using Tables = std::map<std::string, Table>;  // by name

  std::uint64_t id = 0;
  std::int64_t time = 0;  // when it was begun: nanoseconds since 1970
  std::map<std::string, std::string> parts;
  std::map<std::string, Tables> components;  // keyed state, by component

  // Throws ManifestError with what is wrong for bytes that no to_bytes() made, also if they are
  // only one bit away.
  static Manifest from_bytes(std::string_view bytes);
  std::string to_bytes() const;
};

}  // namespace flowrun
