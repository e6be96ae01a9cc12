// Functions of text.
#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "flow/utf8.hpp"
#include "operators/common/expression/conversions.hpp"
#include "operators/common/expression/functions.hpp"
#include "operators/common/expression/kernels.hpp"

namespace flow::operators {
namespace {

using Text = std::string_view;
constexpr size_t kMost = Program::kMostInputs;

// ---- characters ----

// Code points of valid UTF-8: the bytes that begin one.
int64_t count_characters(Text text) {
  int64_t n = 0;
  for (const char c : text) n += is_utf8_continuation(c) ? 0 : 1;
  return n;
}

// The byte at which character `n` begins; the text's size if it has no more than n.
size_t byte_of_character(Text text, int64_t n) {
  size_t at = 0;
  // While all is ASCII, bytes are characters.
  for (; at < text.size(); ++at) {
    if (is_utf8_continuation(text[at])) continue;
    if (n-- == 0) return at;
  }
  return at;
}

char32_t decode_character(Text text, size_t size) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  switch (size) {
    case 2:
      return static_cast<char32_t>((byte(0) & 0x1fU) << 6 | (byte(1) & 0x3fU));
    case 3:
      return static_cast<char32_t>((byte(0) & 0x0fU) << 12 | (byte(1) & 0x3fU) << 6 |
                                   (byte(2) & 0x3fU));
    default:
      return static_cast<char32_t>((byte(0) & 0x07U) << 18 | (byte(1) & 0x3fU) << 12 |
                                   (byte(2) & 0x3fU) << 6 | (byte(3) & 0x3fU));
  }
}

// ---- lower and upper case ----

struct Lower {
  static char ascii(char c) { return static_cast<char>(c + ((c >= 'A' && c <= 'Z') ? 32 : 0)); }
  static wint_t wide(wint_t c, locale_t locale) { return towlower_l(c, locale); }
};
struct Upper {
  static char ascii(char c) { return static_cast<char>(c - ((c >= 'a' && c <= 'z') ? 32 : 0)); }
  static wint_t wide(wint_t c, locale_t locale) { return towupper_l(c, locale); }
};

// The C library's table of Unicode, whatever the process's locale is.
locale_t unicode() {
  static const locale_t kLocale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return kLocale;
}

// A case may take more bytes than the other one.
template <class Case>
Text change_characters(Text text, TextArena& arena) {
  std::string changed;
  changed.reserve(text.size());
  const locale_t locale = unicode();
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (step.length == 1 || !step.valid || locale == nullptr) {
      changed += step.length == 1 ? Case::ascii(text.front()) : '\0';
      if (step.length > 1) {
        changed.pop_back();
        changed += text.substr(0, step.length);
      }
    } else {
      append_utf8(Case::wide(decode_character(text, step.length), locale), changed);
    }
    text.remove_prefix(step.length);
  }
  return arena.copy(changed);
}

template <class Case>
void change_case(const StepCall& call) {
  TextArena& arena = call.out.texts;
  map_one<Text, Text>(call, [&arena](Text text) {
    char* const to = arena.reserve(text.size());
    unsigned char all = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      all |= static_cast<unsigned char>(text[i]);
      to[i] = Case::ascii(text[i]);
    }
    if (all < 0x80) return Text(to, text.size());
    arena.trim(text.size());
    return change_characters<Case>(text, arena);
  });
}

// ---- kernels ----

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

void trim_spaces(const StepCall& call) {
  map_one<Text, Text>(call, [](Text text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
  });
}

struct Characters final : StepData {
  std::vector<std::string> each;
};

void trim_characters(const StepCall& call) {
  const std::vector<std::string>& each = call.data<Characters>().each;
  map_one<Text, Text>(call, [&each](Text text) {
    const auto cut = [&](bool front) {
      return std::any_of(each.begin(), each.end(), [&](const std::string& character) {
        if (front ? !text.starts_with(character) : !text.ends_with(character)) return false;
        front ? text.remove_prefix(character.size()) : text.remove_suffix(character.size());
        return true;
      });
    };
    while (cut(true)) {
    }
    while (cut(false)) {
    }
    return text;
  });
}

// From character `start`, `length` of them; a negative start counts from the end.
Text substring_of(Text text, int64_t start, int64_t length) {
  if (start < 0) {
    start += count_characters(text);
    if (start < 0) {
      length = length > -start ? length + start : 0;
      start = 0;
    }
  }
  text.remove_prefix(byte_of_character(text, start));
  return text.substr(0, byte_of_character(text, length < 0 ? 0 : length));
}

void substring_kernel(const StepCall& call) {
  pass_nulls(call);
  const Input<Text> texts(*call.in[0]);
  const Input<int64_t> starts(*call.in[1]);
  const bool to_end = call.inputs == 2;
  const Input<int64_t> lengths(*call.in[to_end ? 1 : 2]);
  auto* const out = call.out.write<Text>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    out[row] = substring_of(texts[row], starts[row], to_end ? INT64_MAX : lengths[row]);
  }
}

size_t size_of(char) { return 1; }
size_t size_of(Text text) { return text.size(); }

// Piece number `n`, a negative one from the end. The separator is a character, which is found
// faster, or a text.
template <class Mark>
bool piece_of(Text text, Mark separator, int64_t n, Text& piece) {
  if (n >= 0) {
    while (true) {
      const size_t end = text.find(separator);
      if (n-- == 0) {
        piece = text.substr(0, end);
        return true;
      }
      if (end == Text::npos) return false;
      text.remove_prefix(end + size_of(separator));
    }
  }
  while (true) {
    const size_t before = text.rfind(separator);
    if (++n == 0) {
      piece = before == Text::npos ? text : text.substr(before + size_of(separator));
      return true;
    }
    if (before == Text::npos) return false;
    text = text.substr(0, before);
  }
}

struct Separator final : StepData {
  std::string text;
};

void split_kernel(const StepCall& call) {
  const Text separator = call.data<Separator>().text;
  const auto split_at = [&call](auto at) {
    try_two<Text, Text, int64_t>(
        call, [at](Text text, int64_t n, Text& piece) { return piece_of(text, at, n, piece); });
  };
  if (separator.size() == 1) return split_at(separator.front());
  split_at(separator);
}

Text replace_in(Text text, Text from, Text to, TextArena& arena) {
  size_t at = from.empty() ? Text::npos : text.find(from);
  if (at == Text::npos) return text;
  // The most that it can become: every `from` one behind the other.
  const size_t grown = to.size() <= from.size()
                           ? text.size()
                           : text.size() / from.size() * to.size() + text.size() % from.size();
  char* const begin = arena.reserve(grown);
  char* out = begin;
  const auto put = [&out](Text piece) {
    if (!piece.empty()) std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  };
  for (; at != Text::npos; at = text.find(from)) {
    put(text.substr(0, at));
    put(to);
    text.remove_prefix(at + from.size());
  }
  put(text);
  const auto size = static_cast<size_t>(out - begin);
  arena.trim(grown - size);
  return {begin, size};
}

void replace_kernel(const StepCall& call) {
  pass_nulls(call);
  const Input<Text> texts(*call.in[0]);
  const Input<Text> from(*call.in[1]);
  const Input<Text> to(*call.in[2]);
  auto* const out = call.out.write<Text>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    out[row] = replace_in(texts[row], from[row], to[row], call.out.texts);
  }
}

void concat_kernel(const StepCall& call) {
  pass_nulls(call);
  auto* const out = call.out.write<Text>(call.rows);
  size_t size = 0;
  for (size_t i = 0; i < call.inputs; ++i) {
    const Input<Text> pieces(*call.in[i]);
    for (int64_t row = 0; row < call.rows; ++row) size += pieces[row].size();
  }
  char* to = call.out.texts.reserve(size);
  const auto put = [&to](Text piece) {
    if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  };
  if (call.inputs == 2) {
    const Input<Text> first(*call.in[0]);
    const Input<Text> second(*call.in[1]);
    for (int64_t row = 0; row < call.rows; ++row) {
      const char* const begin = to;
      put(first[row]);
      put(second[row]);
      out[row] = {begin, static_cast<size_t>(to - begin)};
    }
    return;
  }
  for (int64_t row = 0; row < call.rows; ++row) {
    const char* const begin = to;
    for (size_t i = 0; i < call.inputs; ++i) put(Input<Text>(*call.in[i])[row]);
    out[row] = {begin, static_cast<size_t>(to - begin)};
  }
}

void length_kernel(const StepCall& call) { map_one<int64_t, Text>(call, count_characters); }
void starts_kernel(const StepCall& call) {
  map_two<uint8_t, Text, Text>(call, [](Text a, Text b) { return a.starts_with(b); });
}
void ends_kernel(const StepCall& call) {
  map_two<uint8_t, Text, Text>(call, [](Text a, Text b) { return a.ends_with(b); });
}
void contains_kernel(const StepCall& call) {
  map_two<uint8_t, Text, Text>(call, [](Text a, Text b) { return a.find(b) != Text::npos; });
}

// ---- calls ----

int one_text(const BoundCall& call, Kernel kernel, Kind kind = Kind::kText) {
  return call.binder.strict(call.node.name, kind, kernel,
                            {call.binder.as_text(call[0], call.offset(0))});
}
int two_texts(const BoundCall& call, Kernel kernel) {
  return call.binder.strict(call.node.name, Kind::kBool, kernel,
                            {call.binder.as_bytes(call[0], call.offset(0)),
                             call.binder.as_bytes(call[1], call.offset(1))});
}

int bind_trim(const BoundCall& call) {
  if (call.size() == 1) return one_text(call, trim_spaces);
  const std::string set =
      call.binder.constant_text(call[1], call.offset(1), "the characters to cut off");
  auto characters = std::make_shared<Characters>();
  for (Text rest = set; !rest.empty();) {
    const size_t size = utf8_step(rest).length;
    characters->each.emplace_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return call.binder.strict("trim " + set, Kind::kText, trim_characters,
                            {call.binder.as_text(call[0], call.offset(0))}, characters);
}

int bind_split(const BoundCall& call) {
  auto separator = std::make_shared<Separator>();
  separator->text = call.binder.constant_text(call[1], call.offset(1), "a separator");
  if (separator->text.empty()) call.binder.fail(call.offset(1), "the separator is empty");
  const std::string key = "split " + separator->text;
  return call.binder.strict(
      key, Kind::kText, split_kernel,
      {call.binder.as_text(call[0], call.offset(0)), call.binder.as_int(call[2], call.offset(2))},
      separator);
}

int bind_substring(const BoundCall& call) {
  std::vector<int> inputs = {call.binder.as_text(call[0], call.offset(0)),
                             call.binder.as_int(call[1], call.offset(1))};
  if (call.size() == 3) inputs.push_back(call.binder.as_int(call[2], call.offset(2)));
  return call.binder.strict("substring", Kind::kText, substring_kernel, std::move(inputs));
}

int bind_replace(const BoundCall& call) {
  std::vector<int> inputs;
  for (size_t i = 0; i < 3; ++i) inputs.push_back(call.binder.as_text(call[i], call.offset(i)));
  return call.binder.strict("replace", Kind::kText, replace_kernel, std::move(inputs));
}

int bind_concat(const BoundCall& call) {
  const Function& to_text = *find_function("to_text");
  std::vector<int> inputs;
  for (size_t i = 0; i < call.size(); ++i) {
    SyntaxNode one;
    one.offset = call.offset(i);
    one.children.push_back(call.node.children[i]);
    const std::array<int, 1> argument = {call[i]};
    inputs.push_back(to_text.bind({call.binder, one, argument}));
  }
  return call.binder.strict("concat", Kind::kText, concat_kernel, std::move(inputs));
}

const std::array<Function, 11> kFunctions = {{
    {"lower", "Text", "lower(text) -> text", "In lower case, of any script.", "lower('GET É')",
     "'get é'", 1, 1, [](const BoundCall& call) { return one_text(call, change_case<Lower>); }},
    {"upper", "Text", "upper(text) -> text", "In upper case, of any script.", "upper('fr')", "'FR'",
     1, 1, [](const BoundCall& call) { return one_text(call, change_case<Upper>); }},
    {"trim", "Text", "trim(text[, characters]) -> text",
     "Without the white space at both ends, or without those characters.", "trim('/a/', '/')",
     "'a'", 1, 2, bind_trim},
    {"split", "Text", "split(text, 'separator', n) -> text",
     "Piece number n between the separators, counted from 0, or from the end with -1 for the last; "
     "null if there are fewer.",
     "split('a,b,c', ',', -1)", "'c'", 3, 3, bind_split},
    {"substring", "Text", "substring(text, start[, length]) -> text",
     "From character `start`, counted from 0 or from the end with -1 for the last; `length` "
     "characters, or all. What lies outside is left out.",
     "substring('naïve', 2, 2)", "'ïv'", 2, 3, bind_substring},
    {"replace", "Text", "replace(text, from, to) -> text",
     "With `to` in place of each `from`, which is plain text.", "replace('a.b.c', '.', '/')",
     "'a/b/c'", 3, 3, bind_replace},
    {"length", "Text", "length(text) -> int",
     "The number of characters (Unicode code points), not bytes.", "length('naïve')", "5", 1, 1,
     [](const BoundCall& call) { return one_text(call, length_kernel, Kind::kInt); }},
    {"starts_with", "Text", "starts_with(text, start) -> bool", "Whether it begins so.",
     "starts_with('/api/users', '/api/')", "true", 2, 2,
     [](const BoundCall& call) { return two_texts(call, starts_kernel); }},
    {"ends_with", "Text", "ends_with(text, end) -> bool", "Whether it ends so.",
     "ends_with('logo.png', '.png')", "true", 2, 2,
     [](const BoundCall& call) { return two_texts(call, ends_kernel); }},
    {"contains", "Text", "contains(text, part) -> bool", "Whether the part is anywhere in it.",
     "contains('Googlebot/2.1', 'bot')", "true", 2, 2,
     [](const BoundCall& call) { return two_texts(call, contains_kernel); }},
    {"concat", "Text", "concat(value, ...) -> text",
     "The values one behind the other, each as to_text writes it; null if any is.",
     "concat('v', 2, '.', 5)", "'v2.5'", 1, kMost, bind_concat},
}};

}  // namespace

std::span<const Function> text_functions() { return kFunctions; }

}  // namespace flow::operators
