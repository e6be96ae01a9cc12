// Any bytes as the body of a request, and as a request. The records that are found, with what is
// rejected between them, are objects each, one a line, and what the codec json makes rows of.
// Percent signs of paths decode, or do not. The parser of requests ends, whatever comes in which
// pieces.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "operators/common/http_records.hpp"
#include "operators/common/http_request_parser.hpp"
#include "operators/common/json_validate.hpp"
#include "operators/common/json_walk.hpp"
#include "operators/sinks/serve_route.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using flow::operators::HttpRecords;

void check(bool is_true) {
  if (!is_true) std::abort();
}

void find_records(std::string_view text) {
  std::string body(text);
  body.append(flow::operators::kJsonPadding, '"');
  HttpRecords records;
  records.find(body.data(), text.size());
  int64_t accepted = 0;
  size_t last = 0;
  for (const HttpRecords::Run& run : records.runs()) {
    check(run.begin >= last && run.end > run.begin && run.end <= text.size());
    last = run.end;
    std::string_view rest(body.data() + run.begin, run.end - run.begin);
    int64_t lines = 0;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      check(!flow::operators::find_json_error(line));
      check(line[line.find_first_not_of(" \t\r")] == '{');
      ++lines;
    }
    check(lines == run.records);
    accepted += lines;
  }
  check(accepted == records.accepted());
  check(body.substr(text.size()) == std::string(flow::operators::kJsonPadding, '"'));
  for (const HttpRecords::Rejected& one : records.rejected()) {
    check(one.begin <= one.offset && one.offset <= one.end && one.end <= text.size());
    check(one.line >= 1 && one.record >= 1 && !one.what.empty());
  }
  check(records.rejected().size() <= HttpRecords::kMostRejected + 1);
  // One value is accepted exactly if it is an object, or an array of objects and nothing else.
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{' &&
      !flow::operators::find_json_error(text)) {
    check(records.accepted() == 1 && records.rejected().empty());
  }
}

void parse_request(std::string_view text, size_t piece) {
  flow::operators::HttpBody body;
  flow::operators::HttpRequestParser parser(body, 2048);
  std::string input;
  size_t taken = 0;
  while (!parser.is_done()) {
    boost::system::error_code error;
    const size_t used = parser.parse(input, error);
    check(used <= input.size());
    input.erase(0, used);
    if (error && error != boost::beast::http::error::need_more) return;
    if (!error) continue;
    if (taken == text.size()) return;
    const size_t more = std::min(piece, text.size() - taken);
    input.append(text.substr(taken, more));
    taken += more;
  }
  const flow::operators::HttpRequest request = parser.request();
  check(request.path.size() + request.query.size() <= 2048);
  check(request.field("Host").size() <= 2048);
}

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "{\"a\":1}\n{\"a\":[1,2,{}]}\r\n\n {}",
      "[{\"a\":\n1},{\"b\":\"x\\ny\"} , 7, {}]",
      "{\"a\":\n{\n}}{}\nx\n{}",
      "POST /events?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
      "GET /tables/a%2Fb HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  find_records(text);
  parse_request(text, text.size() + 1);
  parse_request(text, 1 + size % 7);
  if (const auto decoded = flow::operators::decode_percent(text)) {
    check(decoded->size() <= text.size());
  }
  return 0;
}
