// A value inside a JSON token, by keys and list places.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

// [any]. Looks at the text up to the value alone, without reading behind it: about 1 ns a byte.
class JsonPath {
 public:
  // Keys with dots between, list places in brackets from 0 on, keys with other characters in
  // brackets and double quotes: user.tags[0], ["a key"].b. Throws Failure for anything else.
  static JsonPath compile(std::string_view path);

  // `token`: valid JSON. False: there is nothing, or null. Of equal keys the first counts.
  bool find(std::string_view token, std::string_view& value) const;
  // The same for any text; the value found is valid JSON.
  bool find_checked(std::string_view text, std::string_view& value) const;

 private:
  struct Step {
    std::string key;  // as written inside a JSON string
    bool is_place = false;
    size_t place = 0;
  };
  std::vector<Step> steps_;
};

}  // namespace flow::operators
