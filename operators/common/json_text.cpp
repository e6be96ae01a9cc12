#include "operators/common/json_text.hpp"

#include <string>

#include "flow/batch.hpp"
#include "operators/common/json_scanner.hpp"

namespace flow::operators {
Column text_of_json(Host host, const flow_column& column) {
  const TextView tokens(column);
  TextBuilder builder(host, tokens.size());
  std::string unescaped;
  const int32_t shared = builder.share(column);
  for (int64_t row = 0; row < tokens.size(); ++row) {
    const std::string_view token = tokens[row];
    if (tokens.is_null(row) || token == "null") {
      builder.append_null();
      continue;
    }
    const bool is_string = token.size() >= 2 && token.front() == '"' && token.back() == '"';
    const std::string_view inside = is_string ? token.substr(1, token.size() - 2) : token;
    if (is_string && inside.find('\\') != std::string_view::npos) {
      unescape_json(inside, unescaped);
      builder.append(unescaped);
    } else if (inside.size() <= FLOW_VIEW_INLINE) {
      builder.append(inside);
    } else {
      const flow_view& view = tokens.views()[row];
      builder.append_shared(inside, shared + view.buffer, token.data() - view.offset);
    }
  }
  return builder.finish();
}

}  // namespace flow::operators
