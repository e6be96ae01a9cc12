// A codec behind a byte stream, as the engine runs it: what frame() does not take comes again with
// the next read, and every framed piece is decoded by itself.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "flow/testing/host.hpp"

namespace flow::testing {

template <class T>
class CodecStream {
 public:
  explicit CodecStream(typename T::Options options = {})
      : options_(options),
        shared_(options, host.host()),
        framer_(std::make_unique<T>(options, shared_)),
        decoder_(options, shared_),
        out_(host.abi()) {
    framer_->set_role(FLOW_ROLE_FRAME);
    decoder_.set_role(FLOW_ROLE_DECODE);
    decoder_.open(out_);
  }

  void read(std::string_view bytes, bool final = false) {
    carry_ += bytes;
    largest_carry = std::max(largest_carry, carry_.size());
    context_ = context();
    const int64_t whole = framer_->frame(carry_, final);
    if (whole > 0) {
      decode(std::string_view(carry_).substr(0, static_cast<size_t>(whole)));
      carry_.erase(0, static_cast<size_t>(whole));
    }
  }
  void finish() { read("", true); }
  void read_in_pieces(std::string_view bytes, size_t size) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
      read(bytes.substr(0, size));
    }
    finish();
  }
  // Goes on with a new framer, as a run does that begins at a stored position.
  void restart() requires std::is_base_of_v<StreamContext, T> {
    const std::string at(framer_->context());
    framer_ = std::make_unique<T>(options_, shared_);
    framer_->set_role(FLOW_ROLE_FRAME);
    framer_->resume(at);
  }
  // One piece, whatever it holds.
  void decode(std::string_view piece) {
    ++pieces;
    const Buffer buffer = host.host().allocate(static_cast<int64_t>(piece.size()));
    std::memcpy(buffer->data, piece.data(), piece.size());
    TextBuilder bytes(host.host(), 1, FLOW_BINARY);
    const int32_t number = bytes.share(buffer);
    const auto* base = static_cast<const char*>(buffer->data);
    bytes.append_shared({base, piece.size()}, number, base);
    Int64Builder positions(host.host(), 1);
    positions.append(position_);
    position_ += static_cast<int64_t>(piece.size());
    const Column position = positions.finish();
    flow_origin origin{};
    origin.size = sizeof origin;
    origin.source = "log";
    origin.partition = "a.log";
    origin.position = position.get();
    std::vector<NewColumn> columns = {{"bytes", {bytes.finish(), Type::binary()}}};
    if (context_) {
      TextBuilder contexts(host.host(), 1, FLOW_BINARY);
      contexts.append(*context_);
      columns.push_back({"context", {contexts.finish(), Type::binary()}});
    }
    const Batch in = out_.make(1, columns, &origin);
    while (decoder_.consume(0, in, out_) == Status::kMore) {
    }
  }

  // All rows so far, and forgets them.
  Table pull() {
    Table table;
    for (const Batch& batch : std::exchange(host.emitted[0], {})) table.append(read_table(batch));
    return table;
  }
  // Whether every piece was absorbed once, and nothing else was said of pieces.
  bool balanced() const {
    return host.absorbed == pieces && host.passed == 0 && host.late_rows == 0 &&
           host.misuse.empty();
  }

  TestHost host;
  int64_t pieces = 0;
  size_t largest_carry = 0;

 private:
  std::optional<std::string> context() const {
    if constexpr (std::is_base_of_v<StreamContext, T>) return std::string(framer_->context());
    return std::nullopt;
  }

  typename T::Options options_;
  typename T::Shared shared_;
  std::unique_ptr<T> framer_;
  T decoder_;
  Output out_;
  std::string carry_;
  std::optional<std::string> context_;  // where what is decoded begins
  int64_t position_ = 0;
};

}  // namespace flow::testing
