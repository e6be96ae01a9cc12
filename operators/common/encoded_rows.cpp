#include "operators/common/encoded_rows.hpp"

#include <cstring>

namespace flow::operators {

void EncodedRows::start(const Batch& in, Output& out, std::string_view prologue) {
  prologue_ = prologue;
  in_ = &in;
  out_ = &out;
  first_ = 0;
  bytes_.clear();
  ends_.clear();
  kept_.clear();
}

void EncodedRows::end_row() {
  kept_.push_back(static_cast<int32_t>(ends_.size()));
  ends_.push_back(bytes_.size());
  if (bytes_.size() >= kMostBytes) flush();
}

void EncodedRows::fail_row(const char* reason, const std::string& message) {
  bytes_.resize(ends_.empty() ? 0 : ends_.back());
  out_->fail(*in_, row(), reason, message);
  ends_.push_back(bytes_.size());
}

void EncodedRows::finish() {
  flush();
  in_ = nullptr;
  out_ = nullptr;
}

Batch EncodedRows::with_prologue(const Batch& rows) const {
  const Buffer buffer = out_->allocate(static_cast<int64_t>(prologue_.size()));
  auto* const base = static_cast<char*>(buffer->data);
  std::memcpy(base, prologue_.data(), prologue_.size());
  TextBuilder texts(*out_, rows.rows(), FLOW_BINARY);
  const flow_view view = TextBuilder::view({base, prologue_.size()}, texts.share(buffer), 0);
  for (int64_t row = 0; row < rows.rows(); ++row) texts.append_view(view, 0);
  return out_->with(rows, {{FLOW_PROLOGUE_FIELD, {texts.finish(), Type::binary()}}});
}

void EncodedRows::flush() {
  const auto rows = static_cast<int64_t>(ends_.size());
  if (!kept_.empty()) {
    const Buffer buffer = out_->allocate(static_cast<int64_t>(bytes_.size()));
    if (!bytes_.empty()) std::memcpy(buffer->data, bytes_.data(), bytes_.size());
    const auto* const base = static_cast<const char*>(buffer->data);
    TextBuilder views(*out_, rows, FLOW_BINARY);
    const int32_t number = views.share(buffer);
    size_t begin = 0;
    for (const size_t end : ends_) {
      views.append_shared({base + begin, end - begin}, number, base);
      begin = end;
    }
    const Batch part = rows == in_->rows() ? *in_ : out_->slice(*in_, first_, rows);
    const Batch all =
        out_->make(rows, {{"bytes", {views.finish(), Type::binary()}}}, &part.origin());
    const auto kept = static_cast<int64_t>(kept_.size());
    const Batch encoded = kept == rows ? all : out_->select(all, kept_.data(), kept);
    out_->emit(prologue_.empty() ? encoded : with_prologue(encoded));
  }
  first_ += rows;
  bytes_.clear();
  ends_.clear();
  kept_.clear();
}

}  // namespace flow::operators
