// A text column whose rows point into the buffers of another column.
#pragma once

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "flow/builder.hpp"

namespace flow::operators {

#if defined(__SSE2__)
namespace detail {

// The first `size` of the 16 bytes at `text`, zeros behind them.
inline __m128i masked(const char* text, size_t size) {
  static constexpr std::array<uint8_t, 32> kMask = [] {
    std::array<uint8_t, 32> mask{};
    for (size_t i = 0; i < 16; ++i) mask[i] = 0xff;
    return mask;
  }();
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  const auto* const mask = reinterpret_cast<const __m128i*>(kMask.data() + 16 - size);
  return _mm_and_si128(bytes, _mm_loadu_si128(mask));
}

}  // namespace detail
#endif

// A view of `text`, which lies at `offset` of buffer number `buffer` and of which 16 bytes may be
// read whatever its length: without a branch on the length, for texts of which some fit into a view
// and some do not.
inline void write_readable_view(flow_view& view, std::string_view text, int32_t buffer,
                                int32_t offset) {
#if defined(__SSE2__)
  const size_t kept = text.size() < 16 ? text.size() : 16;
  const __m128i bytes = detail::masked(text.data(), kept);
  const __m128i length = _mm_cvtsi32_si128(static_cast<int>(text.size()));
  const __m128i front = _mm_or_si128(_mm_slli_si128(bytes, 4), length);
  const auto rest = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_srli_si128(bytes, 4)));
  const uint64_t place =
      uint64_t{static_cast<uint32_t>(offset)} << 32 | static_cast<uint32_t>(buffer);
  const uint64_t behind = text.size() <= FLOW_VIEW_INLINE ? rest : place;
  const __m128i whole = _mm_unpacklo_epi64(front, _mm_cvtsi64_si128(static_cast<int64_t>(behind)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(&view), whole);
#else
  view = TextBuilder::view(text, buffer, offset);
#endif
}

// Writes views straight into the column's array, a few instructions each: for transforms that cut
// many pieces out of one text. No text is copied but the at most twelve bytes that a view holds
// itself.
class ViewColumn {
 public:
  // Room for `rows` rows; finish() says how many there are.
  ViewColumn(Host host, int64_t rows)
      : host_(host),
        validity_(host, rows),
        values_(host.allocate(rows * static_cast<int64_t>(sizeof(flow_view)))),
        views_(static_cast<flow_view*>(values_->data)) {}

  // `text` lies in buffer number `buffer` of the shared column, whose data begins at `base`.
  // `readable`: the 16 bytes from text.data() on may be read, whatever its length.
  void put(int64_t row, std::string_view text, const char* base, int32_t buffer, bool readable) {
    if (text.size() <= FLOW_VIEW_INLINE) {
      put_inline(row, text, readable);
      return;
    }
    flow_view& view = views_[row];
    view.length = static_cast<int32_t>(text.size());
    std::memcpy(view.prefix, text.data(), sizeof view.prefix);
    view.buffer = buffer;
    view.offset = static_cast<int32_t>(text.data() - base);
  }
  // A text of at most FLOW_VIEW_INLINE bytes, from anywhere.
  void put_inline(int64_t row, std::string_view text, bool readable = false) {
#if defined(__SSE2__)
    if (readable) {
      const __m128i length = _mm_cvtsi32_si128(static_cast<int>(text.size()));
      const __m128i kept = _mm_slli_si128(detail::masked(text.data(), text.size()), 4);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(views_ + row), _mm_or_si128(kept, length));
      return;
    }
#else
    (void)readable;
#endif
    views_[row] = TextBuilder::view(text, 0, 0);
  }
  // As put() where 16 bytes may be read.
  void put_readable(int64_t row, std::string_view text, const char* base, int32_t buffer) {
    write_readable_view(views_[row], text, buffer, static_cast<int32_t>(text.data() - base));
  }
  void put_null(int64_t row) {
    views_[row] = flow_view{};
    validity_.set_null(row);
  }

  // The first `rows` rows. `shared`: the column whose buffers the views number.
  TypedColumn finish(int64_t rows, const flow_column& shared, flow_type type = FLOW_TEXT) {
    flow_column_parts parts = flow::detail::parts_of(type, rows);
    validity_.fill(parts);
    parts.values = values_.get();
    parts.data = shared.data;
    parts.n_data = shared.n_data;
    return {host_.column(parts), type == FLOW_BINARY ? Type::binary() : Type::text()};
  }

 private:
  Host host_;
  flow::detail::ValidityBuilder validity_;
  Buffer values_;
  flow_view* views_;
};

}  // namespace flow::operators
