// Where personal data stands in a text.
#pragma once

#include <re2/re2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flow::operators {

// What is looked for. An own pattern has the number kOwnPii plus its place in the list.
enum PiiKind : uint32_t { kEmail, kPhone, kCard, kIban, kIpAddress, kOwnPii };

struct PiiKindName {
  PiiKind kind;
  const char* name;
};
inline constexpr std::array<PiiKindName, 5> kPiiKinds = {
    {{kEmail, "email"}, {kPhone, "phone"}, {kCard, "card"}, {kIban, "iban"}, {kIpAddress, "ip"}}};

// Bytes [begin, end) of a text.
struct PiiSpan {
  size_t begin;
  size_t end;
  uint32_t kind;
};

// Thread-safe. A text without digits, colons, at signs and percent signs costs about 0.1 ns a byte,
// one with them some nanoseconds for each place where one of the kinds could begin; own patterns
// cost what RE2 takes.
class PiiFinder {
 public:
  // `kinds`: a bit for each PiiKind that is wanted. `own`: names and RE2 patterns. Throws
  // OptionFailure for a pattern that RE2 refuses.
  PiiFinder(uint32_t kinds, const std::vector<std::pair<std::string, std::string>>& own);

  // Puts what is in `text` into `spans`, in order and apart: where two finds overlap they are one,
  // with the kind of the first.
  void find(std::string_view text, std::vector<PiiSpan>& spans) const;
  bool has_own() const { return !own_.empty(); }

 private:
  bool wants(PiiKind kind) const { return (kinds_ >> kind & 1) != 0; }
  // Looks at the place where a class of characters begins; the end of what was found, or `at`.
  size_t look(std::string_view text, size_t at, std::vector<PiiSpan>& spans) const;
  size_t look_at_number(std::string_view text, size_t at, std::vector<PiiSpan>& spans) const;
  void find_own(std::string_view text, std::vector<PiiSpan>& spans) const;

  uint32_t kinds_;
  std::vector<std::unique_ptr<const re2::RE2>> own_;
};

}  // namespace flow::operators
