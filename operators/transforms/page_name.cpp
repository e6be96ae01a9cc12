#include "operators/transforms/page_name.hpp"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "flow/utf8.hpp"
#include "operators/common/page_path.hpp"
#include "operators/common/text_source.hpp"
#include "operators/common/view_column.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kAhead = 12;  // rows: what memory takes

// ---- the usual texts ----
// Names as operators/common/page_path.hpp finds them, for texts behind which kBlock bytes may be
// read, in one pass without branches on where the characters are. An empty view: not usual, look
// with the functions there.
constexpr size_t kBlock = 64;

// A bit for each of the kBlock bytes at `at` that is the character.
struct BlockBits {
  uint64_t cuts = 0;  // question marks and hashes
  uint64_t slashes = 0;
  uint64_t dots = 0;
};
#if defined(__SSE2__)
struct Sse2Block {
  [[gnu::always_inline]] static BlockBits bits(const char* at) {
    BlockBits bits;
    for (unsigned part = 0; part < kBlock / 16; ++part) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + part);
      const auto equal = [bytes](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
      const auto add = [part](uint64_t& to, __m128i hits) {
        to |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(hits))} << (16 * part);
      };
      add(bits.cuts, _mm_or_si128(equal('?'), equal('#')));
      add(bits.slashes, equal('/'));
      add(bits.dots, equal('.'));
    }
    return bits;
  }
};

#define FLOW_AVX2 [[gnu::target("avx2,bmi,lzcnt,popcnt")]]
struct Avx2Block {
  FLOW_AVX2 static inline uint64_t mask(__m256i low, __m256i high) {
    return uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(low))} |
           uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(high))} << 32;
  }
  FLOW_AVX2 static inline BlockBits bits(const char* at) {
    const auto* const bytes = reinterpret_cast<const __m256i*>(at);
    const __m256i low = _mm256_loadu_si256(bytes);
    const __m256i high = _mm256_loadu_si256(bytes + 1);
    const __m256i query = _mm256_set1_epi8('?');
    const __m256i hash = _mm256_set1_epi8('#');
    const __m256i slash = _mm256_set1_epi8('/');
    const __m256i dot = _mm256_set1_epi8('.');
    return {mask(_mm256_or_si256(_mm256_cmpeq_epi8(low, query), _mm256_cmpeq_epi8(low, hash)),
                 _mm256_or_si256(_mm256_cmpeq_epi8(high, query), _mm256_cmpeq_epi8(high, hash))),
            mask(_mm256_cmpeq_epi8(low, slash), _mm256_cmpeq_epi8(high, slash)),
            mask(_mm256_cmpeq_epi8(low, dot), _mm256_cmpeq_epi8(high, dot))};
  }
};
#else
struct PlainBlock {
  static BlockBits bits(const char* at) {
    BlockBits bits;
    for (unsigned i = 0; i < kBlock; ++i) {
      bits.cuts |= uint64_t{at[i] == '?' || at[i] == '#'} << i;
      bits.slashes |= uint64_t{at[i] == '/'} << i;
      bits.dots |= uint64_t{at[i] == '.'} << i;
    }
    return bits;
  }
};
#endif

// The page of a path that begins with a slash, or with a host in front of it.
template <class Block>
[[gnu::always_inline]] inline std::string_view usual_page(std::string_view path) {
  const auto last_of = [](uint64_t bits) {
    return kBlock - 1 - static_cast<size_t>(__builtin_clzll(bits));
  };
  size_t end = path.size();
  size_t segment = 0;  // behind the last slash; 0: there is none
  size_t dot = 0;
  size_t block = 0;
  uint64_t slashes = 0;
  do {
    BlockBits bits = Block::bits(path.data() + block);
    uint64_t inside = end - block >= kBlock ? ~uint64_t{0} : (uint64_t{1} << (end - block)) - 1;
    bits.cuts &= inside;
    if (bits.cuts != 0) {
      end = block + static_cast<size_t>(__builtin_ctzll(bits.cuts));
      inside = (bits.cuts & -bits.cuts) - 1;
    }
    slashes = bits.slashes & inside;
    bits.dots &= inside;
    segment = slashes != 0 ? block + last_of(slashes) + 1 : segment;
    dot = bits.dots != 0 ? block + last_of(bits.dots) : dot;
    block += kBlock;
  } while (block < end);
  if (segment == 0) return {};
  if (segment != end) {
    if (path[segment] == '.') return {};
    return path.substr(segment, (dot > segment ? dot : end) - segment);
  }
  // A directory: of its segments' ends two are in this one block, or else look again.
  if (block != kBlock) return {};
  slashes &= ~(uint64_t{1} << (end - 1));
  if (slashes == 0) return {};
  const size_t before = last_of(slashes) + 1;
  return path.substr(before, end - 1 - before);
}

template <class Block>
[[gnu::always_inline]] inline std::string_view usual_page_of_request(std::string_view request) {
  constexpr std::string_view kGet = "GET /";
  constexpr std::string_view kPost = "POST /";
  constexpr std::string_view kHttp = " HTTP/1.1";
  if (request.size() < kPost.size() + kHttp.size()) return {};
  // Of the protocol the version may be another one, without a space.
  const char* const protocol = request.data() + request.size() - kHttp.size();
  if (std::memcmp(protocol, kHttp.data(), 6) != 0 || protocol[6] == ' ' || protocol[7] == ' ' ||
      protocol[8] == ' ') {
    return {};
  }
  size_t begin;
  if (std::memcmp(request.data(), kGet.data(), kGet.size()) == 0) {
    begin = kGet.size() - 1;
  } else if (std::memcmp(request.data(), kPost.data(), kPost.size()) == 0) {
    begin = kPost.size() - 1;
  } else {
    return {};
  }
  return usual_page<Block>(request.substr(begin, request.size() - kHttp.size() - begin));
}

template <class Block>
[[gnu::always_inline]] inline std::string_view usual_page_of_referer(std::string_view referer) {
  constexpr std::string_view kScheme = "https://";
  if (referer.size() <= kScheme.size() || std::memcmp(referer.data(), kScheme.data(), 4) != 0) {
    return {};
  }
  const size_t secure = referer[4] == 's' ? 1 : 0;
  if (std::memcmp(referer.data() + 4 + secure, "://", 3) != 0) return {};
  return usual_page<Block>(referer.substr(7 + secure));
}

// Types, so that names() holds the code of one of them.
struct RequestNames {
  template <class Block>
  [[gnu::always_inline]] static std::string_view usual(std::string_view text) {
    return usual_page_of_request<Block>(text);
  }
  static std::string_view any(std::string_view text) { return page_of_request(text); }
};
struct RefererNames {
  template <class Block>
  [[gnu::always_inline]] static std::string_view usual(std::string_view text) {
    return usual_page_of_referer<Block>(text);
  }
  static std::string_view any(std::string_view text) { return page_of_referer(text); }
};

// One name a row: what Names finds in the row's text, as a view into it.
template <class Names, class Block>
[[gnu::always_inline]] inline TypedColumn names_by(Host host, const TextSource& source) {
  const int64_t rows = source.size();
  const bool checked = source.promises_utf8();
  ViewColumn column(host, rows);
  for (int64_t row = 0; row < rows; ++row) {
    source.prefetch(std::min(row + kAhead, rows - 1));
    if (source.is_null(row)) {
      column.put_null(row);
      continue;
    }
    const flow_view& view = source.view(row);
    const std::string_view text = source.text(view);
    const bool in_buffer = view.length > FLOW_VIEW_INLINE;
    std::string_view name;
    if (in_buffer && view.offset + int64_t{view.length} + static_cast<int64_t>(kBlock) <=
                         source.capacity(view)) {
      name = Names::template usual<Block>(text);
      if (!name.empty() && checked) {
        column.put_readable(row, name, source.base(view), view.buffer);
        continue;
      }
    }
    if (name.empty()) name = Names::any(text);
    if (name.empty() || (!checked && !is_valid_utf8(name))) {
      column.put_null(row);
      continue;
    }
    // Short names are copied into the view, be they out of the text or literals.
    if (!in_buffer) {
      column.put_inline(row, name);
      continue;
    }
    column.put(row, name, source.base(view), view.buffer, false);
  }
  return column.finish(rows, source.texts());
}

#if defined(__SSE2__)
template <class Names>
FLOW_AVX2 TypedColumn names_avx2(Host host, const TextSource& source) {
  return names_by<Names, Avx2Block>(host, source);
}
#undef FLOW_AVX2
template <class Names>
TypedColumn names(Host host, const TextSource& source) {
  // No processor has bmi2 and not lzcnt, which clang 14 cannot ask for.
  static const bool kAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                            __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  return kAvx2 ? names_avx2<Names>(host, source) : names_by<Names, Sse2Block>(host, source);
}
#else
template <class Names>
TypedColumn names(Host host, const TextSource& source) {
  return names_by<Names, PlainBlock>(host, source);
}
#endif

}  // namespace

void PageName::describe(Description<Options>& d) {
  d.name("page_name");
  d.summary("Names the page that a request asks for, and the page it was asked from.");
  d.traits(FLOW_STATELESS);
  d.doc(
      R"(Adds the columns `webpage` and `refering_page`: the last segment of the path in the request line
and in the referer, without its extension. `GET /shop/product.php?id=7 HTTP/1.1` gives `product`,
`http://example.com/search.php` gives `search`.

* The query and the fragment are cut off; percent signs are left as they are.
* A path that ends in a slash is named by its last non-empty segment, whole.
* Otherwise the last extension goes: `a.tar.gz` gives `a.tar`, `.env` stays.
* A path without any segment is `home`.

Null where there is no such page: a request that is no request line, a referer that is no URL, and where
the input is null. No row fails. The names are views into the input, nothing is copied: about 40 ns for
the two.)");
  d.example(R"(type = "page_name"
inputs = ["parsed"]
page = "webpage"
)");
  d.option("request", &Options::request,
           "The column with the request line (`GET /a.php HTTP/1.1`).");
  d.option(
      "referer", &Options::referer,
      "The column with the referer: an absolute URL, or a path that begins with a slash. Empty: no "
      "referring page is named, which saves half of the cost.");
  d.option("page", &Options::page, "The name of the new column with the page.");
  d.option("refering_page", &Options::refering_page,
           "The name of the new column with the referring page.");
}

void PageName::infer(const Options& options, Inference& inference) {
  infer_text_column(inference, "request", options.request.name);
  Fields added = {{options.page, Type::text()}};
  if (!options.referer.name.empty()) {
    infer_text_column(inference, "referer", options.referer.name);
    added.emplace_back(options.refering_page, Type::text());
  }
  inference.with(added);
}

PageName::PageName(const Options& options)
    : options_(options),
      request_("request", options.request.name),
      referer_("referer", options.referer.name) {
  if (options_.page.empty()) throw Failure("page: a column needs a name");
  if (options_.refering_page.empty()) throw Failure("refering_page: a column needs a name");
  if (options_.page == options_.refering_page) {
    throw Failure("page and refering_page: both columns are called '" + options_.page + "'");
  }
}

void PageName::process(const Batch& in, Output& out) {
  std::vector<NewColumn> columns;
  const TextSource requests(request_.find(in, out));
  columns.push_back({options_.page, names<RequestNames>(out, requests)});
  if (!options_.referer.name.empty()) {
    const TextSource referers(referer_.find(in, out));
    columns.push_back({options_.refering_page, names<RefererNames>(out, referers)});
  }
  out.emit(out.with(in, columns));
}

}  // namespace flow::operators
