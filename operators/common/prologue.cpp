#include "operators/common/prologue.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "flow/batch.hpp"
#include "flow/host/key_hash.hpp"
#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

bool has_prologue(const flow_schema& schema) {
  if (schema.n_fields < 2) return false;
  const flow_field& last = *schema.fields[schema.n_fields - 1];
  return last.type == FLOW_BINARY && std::string_view(last.name) == FLOW_PROLOGUE_FIELD;
}

std::string_view prologue_of(const Batch& in) {
  if (in.rows() == 0 || !has_prologue(in.schema())) return {};
  return TextView(in.column(in.column_count() - 1))[0];
}

int64_t prologue_mark(std::string_view prologue) {
  if (prologue.empty()) return 0;
  return static_cast<int64_t>(flow::host::hash_bytes(prologue) >> 1 | 1);
}

bool file_begins_with(const std::string& path, std::string_view bytes) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return true;
  std::string found(bytes.size(), '\0');
  size_t read = 0;
  while (read < found.size()) {
    const ssize_t n =
        ::pread(file.get(), found.data() + read, found.size() - read, static_cast<off_t>(read));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return true;
    if (n == 0) return false;
    read += static_cast<size_t>(n);
  }
  return found == bytes;
}

std::string other_columns_message(const std::string& target) {
  return target +
         " begins with a header of other columns; name the columns under the codec's `fields`, or "
         "write no header (header = false)";
}

void fail_other_columns(const Batch& in, const std::string& target, Output& out) {
  const std::string message = other_columns_message(target);
  for (int64_t row = 0; row < in.rows(); ++row) out.fail(in, row, "other_columns", message);
}

}  // namespace flow::operators
