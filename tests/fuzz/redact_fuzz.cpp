// Any bytes: what the operator `redact` finds lies in the text, apart and in order;
// valid JSON and valid UTF-8 stay valid. And the arrays that `explode` takes apart can be left and
// gone on with at any element.
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "flow/utf8.hpp"
#include "operators/common/json_array.hpp"
#include "operators/common/json_validate.hpp"
#include "operators/transforms/redact_text.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using namespace flow::operators;

void check_spans(const PiiFinder& finder, std::string_view text) {
  std::vector<PiiSpan> spans;
  finder.find(text, spans);
  size_t end = 0;
  for (const PiiSpan& span : spans) {
    require(span.begin >= end && span.begin < span.end && span.end <= text.size());
    end = span.end;
  }
}

void check_text(TextRedactor& redactor, std::string_view text) {
  std::string out;
  if (!redactor.text(text, out)) return;
  require(!redactor.kinds().empty());
  if (flow::is_valid_utf8(text)) require(flow::is_valid_utf8(out));
}

void check_json(TextRedactor& redactor, std::string_view text) {
  std::string out;
  if (!redactor.json(text, out)) return;
  if (!flow::is_valid_utf8(text) || find_json_error(text)) return;
  require(flow::is_valid_utf8(out));
  require(!find_json_error(out));
}

void check_array(std::string_view text) {
  JsonArrayScanner scanner(text);
  while (scanner.next()) {
    require(!scanner.value().empty());
    require(scanner.value().data() >= text.data() &&
            scanner.value().data() + scanner.value().size() <= text.data() + text.size());
    // From here another scanner goes on at the same place.
    JsonArrayScanner other(text, scanner.position());
    JsonArrayScanner copy = scanner;
    const bool more = other.next();
    require(more == copy.next() && (!more || other.value() == copy.value()));
  }
  if (!find_json_error(text) && JsonArrayScanner::is_array(text)) require(!scanner.broken());
}

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "mail a.b+c@mail.example.com, q=x%40example.org&y",
      "+49 (0)30 1234567 or (212) 555-0123, 020 7946 0958",
      "4111 1111 1111 1111 / 378282246310005 / DE89 3704 0044 0532 0130 00",
      "192.0.2.1:80 [2001:db8::1]:443 ::ffff:192.0.2.1 Chrome/1.2.3.4",
      R"({"to":"a\u0040example.com","n":4111111111111111,"l":["x\n192.0.2.1",null]})",
      R"([1, "a, ]b" ,{"x":[1,2],"y":"}"},null,"q\"\\"])"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const PiiFinder kFinder((1U << kOwnPii) - 1, {});
  static const PiiFinder kOwnFinder((1U << kOwnPii) - 1, {{"own", "[a-c][0-9]+|\"|,"}});
  static const RedactSettings kMask{};
  static const RedactSettings kRemove{.action = RedactAction::kRemove, .replacement = "\"[x]\\"};
  static TextRedactor mask(kFinder, kMask);
  static TextRedactor remove(kOwnFinder, kRemove);
  check_spans(kFinder, text);
  check_spans(kOwnFinder, text);
  check_text(mask, text);
  check_text(remove, text);
  check_json(mask, text);
  check_json(remove, text);
  check_array(text);
  return 0;
}
