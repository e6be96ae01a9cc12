// User-Agent headers of any bytes, and files of expressions with any text in them.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "flow/utf8.hpp"
#include "operators/common/user_agent_parser.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using namespace flow::operators;

// Expressions of every form that a section may have.
constexpr std::string_view kRules = R"yaml(user_agent_parsers:
  - regex: '(Firefox|Chrome)/(\d+)\.(\d+)(?:\.(\d+)|)(?:\.(\d+)|)'
  - regex: '\b(bot)[ /-]?(.*)$'
    family_replacement: 'Robot $1 $2'
    v1_replacement: '$2'
os_parsers:
  - regex: '(?:Windows NT|Win) ?(\d+)?\.?(\d+)?'
    os_replacement: 'Windows'
  - regex: '[^\x00-\x7f]+([Ll]inux|X11)?'
    os_replacement: 'Linux $1'
device_parsers:
  - regex: '; *([^;/]+) build/'
    regex_flag: 'i'
    device_replacement: '$1'
    brand_replacement: 'Maker'
    model_replacement: '$1'
  - regex: '(?:iphone|ipad).*'
    regex_flag: 'i'
    device_replacement: 'Phone'
)yaml";

// A file in memory, with a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(memfd_create("fuzz", 0)) {
    while (!bytes.empty()) {
      const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
      if (written <= 0) std::abort();
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// The prefilter leaves out no expression that would have matched, and all text is UTF-8.
void parse(const UserAgentParser& parser, std::string_view agent) {
  const UserAgent found = parser.parse(agent);
  const UserAgent expected = parser.parse_exhaustively(agent);
  static constexpr std::string UserAgent::*kTexts[] = {&UserAgent::browser,
                                                       &UserAgent::browser_major,
                                                       &UserAgent::browser_minor,
                                                       &UserAgent::browser_patch,
                                                       &UserAgent::browser_patch_minor,
                                                       &UserAgent::os_family,
                                                       &UserAgent::os_major,
                                                       &UserAgent::os_minor,
                                                       &UserAgent::os_patch,
                                                       &UserAgent::os_patch_minor,
                                                       &UserAgent::device_family,
                                                       &UserAgent::device_brand,
                                                       &UserAgent::device_model};
  for (const auto text : kTexts) {
    require(flow::is_valid_utf8(found.*text));
    require(found.*text == expected.*text);
  }
  require(found.device_type == expected.device_type);
}

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.6099.7 Safari",
      "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0 \xC3\xA9 linux bot/1",
      "Mozilla/5.0 (Linux; U; Android 13; SM-G991B BUILD/TP1A) \xFF\xFE iPhone", kRules,
      std::string_view("user_agent_parsers: [{regex: 'a(b)?', family_replacement: $1}]\n"
                       "os_parsers: [{regex: '(?i)x{2,3}', os_v1_replacement: '$3'}]\n"
                       "device_parsers: [{regex: '[[:alpha:]]\\\\d', regex_flag: i}]\n")};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const UserAgentParser> kNown =
      UserAgentParser::load(MemoryFile(kRules).path());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse(*kNown, text);

  // The same bytes as a file of expressions.
  const MemoryFile file(text);
  std::shared_ptr<const UserAgentParser> parser;
  try {
    parser = UserAgentParser::load(file.path());
  } catch (const std::runtime_error& refused) {
    require(!std::string_view(refused.what()).empty());
    return 0;
  }
  (void)parser->compile_all();
  parse(*parser, "Mozilla/5.0 (Windows NT 10.0) Firefox/130.0 abxx bot/1");
  return 0;
}
