#include "core/state/page_file.hpp"

#include <fcntl.h>

#include <cstring>
#include <string>

#include "core/state/byte_order.hpp"
#include "core/state/checkpoint_files.hpp"

namespace flowrun {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
// The system is told to write after so many bytes, so that the last sync has little left to do.
constexpr std::uint64_t kStartBytes = std::uint64_t{8} << 20;

// Without the zeros at its end, in steps of 8 bytes.
std::uint32_t used_length(const char* page) {
  std::uint32_t length = FLOW_PAGE_BYTES;
  while (length > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, page + length - sizeof word, sizeof word);
    if (word != 0) break;
    length -= sizeof word;
  }
  return length;
}

}  // namespace

PageFile::PageFile(const std::filesystem::path& folder, std::uint64_t id)
    : id_(id),
      file_(File::create(page_file_path(folder, id))),
      buffer_(kBufferBytes + kPageHeaderBytes + FLOW_PAGE_BYTES) {
  const std::string header = page_file_header(id);
  file_.write(header);
  at_ = header.size();
}

char* PageFile::next() { return buffer_.data() + used_ + kPageHeaderBytes; }

Manifest::Page PageFile::add() {
  Manifest::Page page;
  page.file = id_;
  page.offset = at_ + kPageHeaderBytes;
  page.length = used_length(next());
  page.checksum = checksum_of({next(), page.length});
  const std::string header = page_header(page.length, page.checksum);
  std::memcpy(buffer_.data() + used_, header.data(), header.size());
  used_ += header.size() + page.length;
  at_ += header.size() + page.length;
  if (used_ >= kBufferBytes) flush();
  return page;
}

void PageFile::flush() {
  file_.write({buffer_.data(), used_});
  used_ = 0;
  if (at_ - started_ < kStartBytes) return;
  ::sync_file_range(file_.descriptor(), static_cast<off_t>(started_),
                    static_cast<off_t>(at_ - started_), SYNC_FILE_RANGE_WRITE);
  started_ = at_;
}

void PageFile::finish() {
  flush();
  file_.sync();
  file_.close();
}

}  // namespace flowrun
