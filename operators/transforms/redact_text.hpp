// Texts and JSON tokens with the personal data in them hidden.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/transforms/redact_finder.hpp"

namespace flow::operators {

enum class RedactAction : uint8_t { kMask, kRemove, kHash };
enum class HashEncoding : uint8_t { kHex, kBase32 };

struct RedactSettings {
  RedactAction action = RedactAction::kMask;
  int64_t keep_last = 0;
  std::string replacement;
  std::string secret;
  HashEncoding encoding = HashEncoding::kHex;
  int64_t hash_bytes = 16;
};

// HMAC-SHA-256 with one key, cut to `bytes` bytes and written as text. About 1 us.
class KeyedHash {
 public:
  KeyedHash(std::string_view secret, int64_t bytes, HashEncoding encoding);
  ~KeyedHash();
  KeyedHash(const KeyedHash&) = delete;
  KeyedHash& operator=(const KeyedHash&) = delete;
  void append(std::string_view message, std::string& out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  size_t bytes_;
  HashEncoding encoding_;
};

// One an instance: has working memory of its own.
class TextRedactor {
 public:
  // Both live as long as this.
  TextRedactor(const PiiFinder& finder, const RedactSettings& settings);

  // Puts `text` with everything that was found hidden into `out`. False: nothing was found, and
  // `out` is not of interest.
  bool text(std::string_view text, std::string& out);
  // The same for a JSON token: looks into strings, keys and numbers; a number in which something is
  // found becomes a string. Any bytes are taken.
  bool json(std::string_view token, std::string& out);
  // The kinds of what the last call found, one each.
  const std::vector<uint32_t>& kinds() const { return kinds_; }

 private:
  // Appends to `out` and `kinds_`.
  bool append(std::string_view text, std::string& out);
  void hide(std::string_view found, uint32_t kind, std::string& out);
  void mask(std::string_view found, std::string& out) const;
  bool append_string(std::string_view inside, std::string& out);

  const PiiFinder& finder_;
  const RedactSettings& settings_;
  std::unique_ptr<KeyedHash> hash_;
  std::vector<PiiSpan> spans_;
  std::vector<uint32_t> kinds_;
  std::string unescaped_;
  std::string hidden_;
  std::string normal_;
};

}  // namespace flow::operators
