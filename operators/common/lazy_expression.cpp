#include "lazy_expression.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace flow::operators {
namespace {

// RE2's budget for one program, the states of its automata included; they grow only with use. When
// it is spent the states are thrown away and built anew, which costs time, never a result. After
// 30,000 different agents uap-core's programs hold 22 MiB so, and 30 MiB with budgets of 1 MiB,
// which are a tenth faster at most. A program too large for it gets RE2's usual budget.
constexpr std::int64_t kMemoryPerProgram = 256 << 10;
constexpr std::int64_t kMemoryPerLargeProgram = 8 << 20;

bool run(const RE2& program, std::string_view text, re2::StringPiece* groups, int count) {
  const int available = program.NumberOfCapturingGroups() + 1;
  return program.Match(text, 0, text.size(), RE2::UNANCHORED, groups, std::min(count, available));
}

}  // namespace

LazyExpression::LazyExpression(std::string pattern, bool ignore_case, std::string relaxed,
                               std::size_t relaxed_limit)
    : pattern_(std::move(pattern)),
      relaxed_(std::move(relaxed)),
      relaxed_limit_(relaxed_limit),
      ignore_case_(ignore_case),
      ascii_pattern_(std::all_of(pattern_.begin(), pattern_.end(), [](char byte) {
        return static_cast<unsigned char>(byte) < 0x80;
      })) {}

LazyExpression::~LazyExpression() {
  for (auto& program : programs_) delete program.load(std::memory_order_relaxed);
}

bool LazyExpression::match(std::string_view text, TextEncoding encoding, re2::StringPiece* groups,
                           int count) const {
  if (relaxed_limit_ != 0) {
    const RE2& relaxed = program(encoding, Form::kRelaxed);
    const bool always_exact = text.size() <= relaxed_limit_;
    if (relaxed.ok()) {
      // The fewer groups are asked for, the cheaper a match is: none is one pass of an automaton.
      if (!run(relaxed, text, groups, always_exact ? count : std::max(count, 1))) return false;
      if (always_exact || groups[0].size() <= relaxed_limit_) return true;
      for (int group = 0; group < count; ++group) groups[group] = {};
    }
  }
  return match_directly(text, encoding, groups, count);
}

bool LazyExpression::match_directly(std::string_view text, TextEncoding encoding,
                                    re2::StringPiece* groups, int count) const {
  const RE2& exact = program(encoding, Form::kExact);
  return exact.ok() && run(exact, text, groups, count);
}

std::string LazyExpression::compile_all() const {
  std::string error;
  for (const TextEncoding encoding : {TextEncoding::kAscii, TextEncoding::kUtf8}) {
    const RE2& exact = program(encoding, Form::kExact);
    if (!exact.ok()) error = exact.error();
    if (relaxed_limit_ != 0) program(encoding, Form::kRelaxed);
  }
  return error;
}

const RE2& LazyExpression::program(TextEncoding encoding, Form form) const {
  // The byte-wise program would read a pattern's UTF-8 as several characters.
  if (!ascii_pattern_) encoding = TextEncoding::kUtf8;
  auto& slot = programs_[static_cast<std::size_t>(form) * 2 + static_cast<std::size_t>(encoding)];
  const RE2* const program = slot.load(std::memory_order_acquire);
  return program != nullptr ? *program : compile(encoding, form, slot);
}

const RE2& LazyExpression::compile(TextEncoding encoding, Form form,
                                   std::atomic<const RE2*>& slot) const {
  const std::string& pattern = form == Form::kExact ? pattern_ : relaxed_;
  RE2::Options options;
  options.set_encoding(encoding == TextEncoding::kAscii ? RE2::Options::EncodingLatin1
                                                        : RE2::Options::EncodingUTF8);
  options.set_case_sensitive(!ignore_case_);
  options.set_log_errors(false);
  options.set_max_mem(kMemoryPerProgram);
  auto made = std::make_unique<const RE2>(pattern, options);
  if (made->error_code() == RE2::ErrorPatternTooLarge) {
    options.set_max_mem(kMemoryPerLargeProgram);
    made = std::make_unique<const RE2>(pattern, options);
  }
  const RE2* existing = nullptr;
  if (slot.compare_exchange_strong(existing, made.get(), std::memory_order_acq_rel)) {
    return *made.release();
  }
  return *existing;
}

}  // namespace flow::operators
