#include "operators/transforms/page_name.hpp"

#include "operators/common/page_path.hpp"
#include "operators/common/text_source.hpp"
#include "operators/common/utf8.hpp"
#include "operators/common/view_column.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kReadable = 16;

// One name a row: what `name_of` finds in the row's text, as a view into it.
template <class NameOf>
TypedColumn names(Host host, const TextSource& source, NameOf name_of) {
  const int64_t rows = source.size();
  const bool checked = source.promises_utf8();
  ViewColumn column(host, rows);
  for (int64_t row = 0; row < rows; ++row) {
    if (source.is_null(row)) {
      column.put_null(row);
      continue;
    }
    const flow_view& view = source.view(row);
    const std::string_view text = source.text(view);
    const std::string_view name = name_of(text);
    if (name.empty() || (!checked && !is_valid_utf8(name))) {
      column.put_null(row);
      continue;
    }
    // Short names are copied into the view, be they out of the text or literals.
    if (view.length <= FLOW_VIEW_INLINE) {
      column.put_inline(row, name);
      continue;
    }
    const char* const base = source.base(view);
    const bool inside = name.data() >= text.data() && name.data() <= text.data() + text.size();
    const bool readable = inside && (name.data() - base) + kReadable <= source.capacity(view);
    column.put(row, name, base, view.buffer, readable);
  }
  return column.finish(rows, source.texts());
}

}  // namespace

void PageName::describe(Description<Options>& d) {
  d.name("page_name");
  d.summary("Names the page that a request asks for, and the page it was asked from.");
  d.traits(FLOW_STATELESS);
  d.doc(
      R"(Adds the columns `webpage` and `refering_page`: the last segment of the path in the request line
and in the referer, without its extension. `GET /shop/product.php?id=7 HTTP/1.1` gives `product`,
`http://example.com/search.php` gives `search`.

* The query and the fragment are cut off; percent signs are left as they are.
* A path that ends in a slash is named by its last non-empty segment, whole.
* Otherwise the last extension goes: `a.tar.gz` gives `a.tar`, `.env` stays.
* A path without any segment is `home`.

Null where there is no such page: a request that is no request line, a referer that is no URL, and where
the input is null. No row fails. The names are views into the input, nothing is copied: about 40 ns for
the two.)");
  d.example(R"(type = "page_name"
inputs = ["parsed"]
page = "webpage"
)");
  d.option("request", &Options::request,
           "The column with the request line (`GET /a.php HTTP/1.1`).");
  d.option(
      "referer", &Options::referer,
      "The column with the referer: an absolute URL, or a path that begins with a slash. Empty: no "
      "referring page is named, which saves half of the cost.");
  d.option("page", &Options::page, "The name of the new column with the page.");
  d.option("refering_page", &Options::refering_page,
           "The name of the new column with the referring page.");
}

PageName::PageName(const Options& options)
    : options_(options),
      request_("request", options.request.name),
      referer_("referer", options.referer.name) {
  if (options_.page.empty()) throw Failure("page: a column needs a name");
  if (options_.refering_page.empty()) throw Failure("refering_page: a column needs a name");
  if (options_.page == options_.refering_page) {
    throw Failure("page and refering_page: both columns are called '" + options_.page + "'");
  }
}

void PageName::process(const Batch& in, Output& out) {
  std::vector<NewColumn> columns;
  const TextSource requests(request_.find(in, out));
  columns.push_back({options_.page, names(out, requests, page_of_request)});
  if (!options_.referer.name.empty()) {
    const TextSource referers(referer_.find(in, out));
    columns.push_back({options_.refering_page, names(out, referers, page_of_referer)});
  }
  out.emit(out.with(in, columns));
}

}  // namespace flow::operators
