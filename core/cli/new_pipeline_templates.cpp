#include "core/cli/new_pipeline_templates.hpp"

namespace flowrun::cli {
namespace {

constexpr std::string_view kMadeUp =
    R"toml(# Made-up sensor readings, those of hot sensors on the standard output: a pipeline to try things with.
#
#   flowrun @NAME@.toml                    runs it
#   flowrun @NAME@.toml --set rows=10000   with another value for a parameter
#   flowrun validate @NAME@.toml           checks it without running it
#   flowrun inspect                        lists the operators that can stand here

[pipeline]
name = "@NAME@"
plugins = ["std"]  # where the operators below come from
on_error = "stop"  # what becomes of rows that cannot be processed; "drop" only counts them

[parameters]
rows = { type = "int", default = 100, min = 1, doc = "how many readings are made" }
hot = { type = "float", default = 25.0, doc = "degrees from which a reading is shown" }

# Each source, transform and sink has a name of its own, by which others read from it.
[sources.readings]
type = "generate"
dataset = "sensors"
rows = "${parameters.rows}"

[transforms.hot]
type = "filter"
inputs = ["readings"]
where = "temperature >= ${parameters.hot}"

[sinks.terminal]
type = "stdout"
inputs = ["hot"]
encoding = "json"
)toml";

constexpr std::string_view kFilesToJson =
    R"toml(# Lines of text files as JSON: one object a line, the line of text in `message`.
#
#   flowrun @NAME@.toml --set input='["logs/*.log", "logs/*.log.gz"]' --set output=out/all.ndjson

[pipeline]
name = "@NAME@"
plugins = ["std", "files"]

[parameters]
input = { type = "list", default = ["input/*.log"], doc = "paths and patterns of the files to read" }
output = { type = "text", default = "out/@NAME@.ndjson", doc = "the file to write" }

# .gz and .zst are unpacked on the way. Put transforms between this and the sink: parse_access_log,
# filter, keep and so on; `flowrun inspect` lists them.
[sources.files]
type = "file"
path = "${parameters.input}"
decoding = "lines"

[sinks.json]
type = "file"
inputs = ["files"]
path = "${parameters.output}"
mode = "replace"  # "append" adds to what an earlier run wrote
encoding = "json"
)toml";

constexpr std::string_view kJsonFilter =
    R"toml(# JSON lines in, those that matter out, with the fields that matter.
#
#   flowrun @NAME@.toml --set input=events.ndjson --set output=out/errors.ndjson

[pipeline]
name = "@NAME@"
plugins = ["std", "files"]
dead_letter = "out/@NAME@.rejected.ndjson"  # lines that are no JSON, each with the reason

[parameters]
input = { type = "list", default = ["input/*.ndjson"], doc = "paths and patterns of the files to read" }
output = { type = "text", default = "out/@NAME@.ndjson", doc = "the file to write" }
level = { type = "text", default = "error", doc = "the level of the events to keep" }

# Fields that `schema` declares have a type and can be compared; all others are passed on as they
# are written.
[sources.events]
type = "file"
path = "${parameters.input}"
decoding = { type = "json", schema = { time = "timestamp", level = "text", message = "text" } }

[transforms.chosen]
type = "filter"
inputs = ["events"]
where = "level == '${parameters.level}'"

[transforms.short]
type = "keep"
inputs = ["chosen"]
fields = ["time", "level", "message"]

[sinks.json]
type = "file"
inputs = ["short"]
path = "${parameters.output}"
mode = "replace"
encoding = "json"
)toml";

constexpr std::string_view kCsvToJson =
    R"toml(# CSV files as JSON: one object a line, named as the header names the columns.
#
#   flowrun @NAME@.toml --set input=orders.csv --set output=out/orders.ndjson

[pipeline]
name = "@NAME@"
plugins = ["std", "files", "formats"]
dead_letter = "out/@NAME@.rejected.ndjson"  # records that cannot be read, each with the reason

[parameters]
input = { type = "list", default = ["input/*.csv"], doc = "paths and patterns of the files to read" }
output = { type = "text", default = "out/@NAME@.ndjson", doc = "the file to write" }
delimiter = { type = "text", default = ",", doc = "the character between two fields" }

# All values are text. For numbers and times add a schema, with the types of the columns that have
# one: schema = { amount = "float", at = "timestamp" }.
[sources.records]
type = "file"
path = "${parameters.input}"
decoding = { type = "csv", delimiter = "${parameters.delimiter}" }

[sinks.json]
type = "file"
inputs = ["records"]
path = "${parameters.output}"
mode = "replace"
encoding = "json"
)toml";

constexpr std::string_view kTailFilter =
    R"toml(# Follows an access log, as tail -F does, and shows the requests that went wrong.
#
#   flowrun @NAME@.toml --set input=/var/log/nginx/access.log --set status=500
#
# Ctrl-C stops it. The log may be rotated meanwhile.

[pipeline]
name = "@NAME@"
plugins = ["std", "files", "weblog"]
on_error = "drop"  # lines that are no requests are counted, and not kept

[parameters]
input = { type = "text", default = "/var/log/nginx/access.log", doc = "the log to follow" }
status = { type = "int", default = 400, min = 100, max = 599, doc = "the lowest status to show" }

[sources.log]
type = "file"
path = "${parameters.input}"
follow = true

[transforms.requests]
type = "parse_access_log"
inputs = ["log"]
typed = true

[transforms.wrong]
type = "filter"
inputs = ["requests"]
where = "response >= ${parameters.status}"

[sinks.terminal]
type = "stdout"
inputs = ["wrong"]
encoding = "json"
)toml";

constexpr std::string_view kWeblogs =
    R"toml(# An access log, enriched: every line becomes a JSON document with the browser and the page behind it.
#
#   flowrun @NAME@.toml --set input=/var/log/apache2/access.log

[pipeline]
name = "@NAME@"
plugins = ["std", "files", "weblog"]
dead_letter = "out/@NAME@.rejected.ndjson"  # lines that are no requests, each with the reason

[parameters]
input = { type = "list", default = ["/var/log/nginx/access.log"], doc = "paths and patterns of the logs" }
output = { type = "text", default = "out/@NAME@.ndjson", doc = "the file to write" }

[sources.access_log]
type = "file"
path = "${parameters.input}"

# host, datetime, request, response, bytes, referer and agent, as they stand in the line.
[transforms.parsed]
type = "parse_access_log"
inputs = ["access_log"]

# os, browser and device_type (desktop, mobile, tablet, bot or other).
[transforms.identified]
type = "user_agent"
inputs = ["parsed"]
field = "agent"
fields = ["os", "browser", "device_type"]

# webpage and refering_page: /product.php is `product`.
[transforms.named]
type = "page_name"
inputs = ["identified"]

# Where visitors are, from a city database (GeoLite2-City, DB-IP City Lite). Take the marks away, name the
# database, and let the sink read from `located`.
# [transforms.located]
# type = "geoip"
# inputs = ["named"]
# field = "host"
# database = "/usr/share/GeoIP/GeoLite2-City.mmdb"

[sinks.documents]
type = "file"
inputs = ["named"]
path = "${parameters.output}"
mode = "replace"
encoding = "json"
)toml";

constexpr PipelineTemplate kTemplates[] = {
    {"made-up", "made-up sensor readings, filtered, to the terminal; needs no input", kMadeUp},
    {"files-to-json", "lines of text files as JSON", kFilesToJson},
    {"json-filter", "JSON lines, filtered and cut to the fields that matter", kJsonFilter},
    {"csv-to-json", "CSV files as JSON", kCsvToJson},
    {"tail-filter", "a growing access log, the failed requests to the terminal", kTailFilter},
    {"weblogs", "access logs, with browser and page, as JSON", kWeblogs}};

}  // namespace

std::span<const PipelineTemplate> pipeline_templates() { return kTemplates; }

}  // namespace flowrun::cli
