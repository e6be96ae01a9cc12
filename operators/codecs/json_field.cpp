#include "operators/codecs/json_field.hpp"

#include <algorithm>

namespace flow::operators {

void CategoryTexts::follow(const flow_column& dictionary) {
  const auto rows = static_cast<size_t>(dictionary.array->length);
  if (dictionary_.get() == &dictionary) return;
  const bool grown = dictionary_ &&
                     dictionary_->array->buffers[1] == dictionary.array->buffers[1] &&
                     dictionary_->array->offset == dictionary.array->offset;
  if (!grown) {
    entries_.clear();
    used_ = 0;
    ++restarts_;
  }
  if (rows > entries_.size()) entries_.resize(rows);
  dictionary_ = Column(Reference<const flow_column>::share(&dictionary));
}

std::string_view CategoryTexts::render(const std::string& key, int32_t code) {
  const TextView texts(*dictionary_);
  const std::string_view text = texts[code];
  const size_t needed =
      used_ + key.size() + text.size() * kEscapeExpansion + kWriteSlack + kReadAhead;
  if (bytes_.size() < needed) bytes_.resize(std::max(needed, bytes_.size() * 2));
  char* const begin = bytes_.data() + used_;
  const size_t key_size = key.size() - kReadAhead;  // with its quote
  std::copy_n(key.data(), key_size, begin);
  char* out = begin + key_size;
  out = write_escaped(out, text);
  *out++ = '"';
  const auto length = static_cast<size_t>(out - begin);
  entries_[static_cast<size_t>(code)] = {static_cast<uint32_t>(used_),
                                         static_cast<uint32_t>(length)};
  used_ += length;
  return {begin, length};
}

void JsonField::plan(const flow_field& source) {
  type = source.type;
  key = "," + json_quoted(source.name) + ":";
  key_size = key.size();
  key += '"';
  key.append(kReadAhead, '\0');
  reserve = static_cast<int64_t>(key_size) + kFixedBytes;
  children.resize(source.n_children);
  for (uint32_t i = 0; i < source.n_children; ++i) {
    children[i].plan(*source.children[i]);
  }
  const auto is_number = [](const JsonField& child) {
    return child.type == FLOW_FLOAT64 || child.type == FLOW_INT64;
  };
  if (type == FLOW_TEXT) {
    form = Form::kText;
  } else if (type == FLOW_CATEGORY) {
    form = Form::kCategory;
  } else if (type == FLOW_STRUCT && children.size() <= kMostNumbers &&
             std::all_of(children.begin(), children.end(), is_number)) {
    form = Form::kNumberObject;
  }
}

void JsonField::bind(const flow_column& source) {
  const ArrowArray& array = *source.array;
  column = &source;
  validity = array.null_count == 0 ? nullptr : static_cast<const uint8_t*>(array.buffers[0]);
  offset = array.offset;
  const auto behind = [&](int64_t width) {
    return static_cast<const char*>(array.buffers[1]) + array.offset * width;
  };
  switch (source.type) {
    case FLOW_BOOL:
      values = array.buffers[1];
      break;
    case FLOW_INT64:
    case FLOW_FLOAT64:
    case FLOW_TIMESTAMP:
      values = behind(sizeof(int64_t));
      break;
    case FLOW_TEXT:
    case FLOW_BINARY:
    case FLOW_JSON:
      values = behind(sizeof(flow_view));
      buffers = array.buffers + 2;
      regions.clear();
      regions.push_back({behind(sizeof(flow_view)),
                         behind(sizeof(flow_view)) + array.length * int64_t{sizeof(flow_view)}});
      for (int64_t i = 0; i < source.n_data; ++i) {
        const auto* begin = static_cast<const char*>(buffers[i]);
        regions.push_back({begin, begin + source.data[i]->capacity});
      }
      break;
    case FLOW_CATEGORY:
      values = behind(sizeof(int32_t));
      texts.follow(*source.dictionary);
      break;
    case FLOW_LIST:
      values = behind(sizeof(int32_t));
      break;
    default:
      break;
  }
  for (size_t i = 0; i < children.size(); ++i) children[i].bind(*source.children[i]);
}

}  // namespace flow::operators
