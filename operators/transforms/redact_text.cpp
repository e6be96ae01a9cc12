#include "operators/transforms/redact_text.hpp"

#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "flow/utf8.hpp"
#include "operators/common/json_scanner.hpp"
#include "operators/common/json_writer.hpp"
#include "operators/transforms/redact_detectors.hpp"

namespace flow::operators {

// ---- keyed hash ----

struct KeyedHash::Context {
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(algorithm);
  }
  EVP_MAC* algorithm = nullptr;
  EVP_MAC_CTX* context = nullptr;
};

KeyedHash::KeyedHash(std::string_view secret, int64_t bytes, HashEncoding encoding)
    : context_(std::make_unique<Context>()),
      bytes_(static_cast<size_t>(bytes)),
      encoding_(encoding) {
  context_->algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  context_->context = EVP_MAC_CTX_new(context_->algorithm);
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0), OSSL_PARAM_construct_end()};
  if (context_->context == nullptr ||
      EVP_MAC_init(context_->context, reinterpret_cast<const unsigned char*>(secret.data()),
                   secret.size(), parameters.data()) != 1) {
    throw std::runtime_error("this OpenSSL has no HMAC-SHA-256");
  }
}

KeyedHash::~KeyedHash() = default;

void KeyedHash::append(std::string_view message, std::string& out) {
  std::array<unsigned char, 32> digest;
  size_t length = 0;
  // Without a key: that of the constructor again.
  if (EVP_MAC_init(context_->context, nullptr, 0, nullptr) != 1 ||
      EVP_MAC_update(context_->context, reinterpret_cast<const unsigned char*>(message.data()),
                     message.size()) != 1 ||
      EVP_MAC_final(context_->context, digest.data(), &length, digest.size()) != 1) {
    throw std::runtime_error("HMAC-SHA-256 failed");
  }
  const bool hex = encoding_ == HashEncoding::kHex;
  const std::string_view alphabet = hex ? "0123456789abcdef" : "abcdefghijklmnopqrstuvwxyz234567";
  const uint32_t width = hex ? 4 : 5;
  uint32_t bits = 0;
  uint32_t count = 0;
  for (size_t i = 0; i < std::min(bytes_, length); ++i) {
    bits = (bits << 8 | digest[i]) & 0xFFFFU;
    for (count += 8; count >= width; count -= width) {
      out += alphabet[bits >> (count - width) & ((1U << width) - 1)];
    }
  }
  if (count > 0) out += alphabet[bits << (width - count) & ((1U << width) - 1)];
}

// ---- texts ----

TextRedactor::TextRedactor(const PiiFinder& finder, const RedactSettings& settings)
    : finder_(finder), settings_(settings) {
  if (settings.action == RedactAction::kHash) {
    hash_ = std::make_unique<KeyedHash>(settings.secret, settings.hash_bytes, settings.encoding);
  }
}

void TextRedactor::mask(std::string_view found, std::string& out) const {
  // Characters that say something: not the signs between them.
  int64_t telling = 0;
  for (size_t at = 0; at < found.size(); at += utf8_step(found.substr(at)).length) {
    telling += is_alnum(found[at]) || static_cast<unsigned char>(found[at]) >= 0x80 ? 1 : 0;
  }
  int64_t masked = telling - std::min(settings_.keep_last, telling / 2);
  while (!found.empty()) {
    const size_t length = utf8_step(found).length;
    if (!is_alnum(found[0]) && static_cast<unsigned char>(found[0]) < 0x80) {
      out += found[0];
    } else if (masked > 0) {
      out += '*';
      --masked;
    } else {
      out += found.substr(0, length);
    }
    found.remove_prefix(length);
  }
}

void TextRedactor::hide(std::string_view found, uint32_t kind, std::string& out) {
  switch (settings_.action) {
    case RedactAction::kMask:
      mask(found, out);
      return;
    case RedactAction::kRemove:
      out += settings_.replacement;
      return;
    case RedactAction::kHash:
      break;
  }
  // Ways to write the same thing have the same hash.
  normal_.clear();
  for (size_t at = 0; at < found.size(); ++at) {
    const char c = found[at];
    if (kind == kPhone || kind == kCard || kind == kIban) {
      if (is_alnum(c)) normal_ += is_digit(c) ? c : static_cast<char>(c & ~0x20);
    } else if (kind == kEmail && found.substr(at, 3) == "%40") {
      normal_ += '@';
      at += 2;
    } else {
      const bool upper = kind < kOwnPii && c >= 'A' && c <= 'Z';
      normal_ += upper ? static_cast<char>(c | 0x20) : c;
    }
  }
  hash_->append(normal_, out);
}

bool TextRedactor::append(std::string_view text, std::string& out) {
  finder_.find(text, spans_);
  if (spans_.empty()) return false;
  size_t at = 0;
  for (const PiiSpan& span : spans_) {
    out += text.substr(at, span.begin - at);
    hide(text.substr(span.begin, span.end - span.begin), span.kind, out);
    kinds_.push_back(span.kind);
    at = span.end;
  }
  out += text.substr(at);
  return true;
}

bool TextRedactor::text(std::string_view text, std::string& out) {
  out.clear();
  kinds_.clear();
  return append(text, out);
}

// ---- JSON ----

bool TextRedactor::append_string(std::string_view inside, std::string& out) {
  std::string_view said = inside;
  if (inside.find('\\') != std::string_view::npos) {
    unescape_json(inside, unescaped_);
    said = unescaped_;
  }
  hidden_.clear();
  if (!append(said, hidden_)) return false;
  out += json_quoted(hidden_);
  return true;
}

bool TextRedactor::json(std::string_view token, std::string& out) {
  out.clear();
  kinds_.clear();
  // What is found reaches over no quote, so that mostly one look at the whole is enough.
  if (!finder_.has_own() && token.find('\\') == std::string_view::npos) {
    finder_.find(token, spans_);
    if (spans_.empty()) return false;
  }
  constexpr std::string_view kEnds = " \t\r\n,:[]{}\"";
  size_t at = 0;
  while (at < token.size()) {
    if (token[at] == '"') {
      size_t end = at + 1;
      while (end < token.size() && token[end] != '"') end += token[end] == '\\' ? 2 : 1;
      end = std::min(end, token.size());
      const std::string_view inside = token.substr(at + 1, end - at - 1);
      end = std::min(end + 1, token.size());
      if (!append_string(inside, out)) out += token.substr(at, end - at);
      at = end;
      continue;
    }
    size_t end = token.find_first_of(kEnds, at);
    if (end == at) {
      out += token[at++];
      continue;
    }
    end = std::min(end, token.size());
    const std::string_view scalar = token.substr(at, end - at);
    if (!append_string(scalar, out)) out += scalar;
    at = end;
  }
  return !kinds_.empty();
}

}  // namespace flow::operators
