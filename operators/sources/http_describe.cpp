#include "operators/sources/http.hpp"

namespace flow::operators {

void HttpSource::describe(Description<Options>& d) {
  d.name("http");
  d.summary("Takes records that are sent to it by HTTP.");
  d.doc(
      "A request `POST path` carries one JSON object, an array of objects, or one object a line "
      "(NDJSON), which may be compressed with gzip. Each body is a row with the column `body`, in "
      "which the objects stand one a line; with `decoding = \"json\"` each object is a row. Beside "
      "them stand the columns that `columns` and `headers` ask for. With `format = \"raw\"` a body "
      "is one row of any bytes, for the other codecs.\n\n"
      "Every record is checked before the answer. Those that are no JSON object go to `errors` as "
      "`bad_json`, those longer than `max_record` as `line_too_long`; the others of the same body "
      "are kept, and the answer is 400 and says what was "
      "accepted, and record, line, byte and reason of what was not (the first 100; behind them a "
      "body is not looked at). An array is read up to its first mistake. What does not fit the "
      "schema of the codec is found behind the answer, and goes to `errors` as it does "
      "everywhere.\n\n"
      "**When the answer comes** is what `acknowledge` says. `accepted`: 202 once the records are "
      "in the pipeline; they survive a stop, and a crash only where checkpoints are taken and 20 "
      "ms "
      "have passed. `durable`: 200 once they are in the journal on disk; each such record is in "
      "the "
      "output exactly once after a crash, where the sink is exactly once. A request that was not "
      "answered may have been taken: who sends it again sends it twice. `response`: the answer is "
      "what the pipeline makes of the record: rows carry the request in `id_field`, and a sink "
      "`respond` answers with them. 504 if that takes longer than `timeout`. A body with a bad "
      "record is then refused as a whole.\n\n"
      "| Answer | |\n|---|---|\n"
      "| 400 | records that are none, or a request that is none |\n"
      "| 401 | not authorized |\n| 404, 405 | another path, or another method than POST |\n"
      "| 408 | the request took too long to come |\n| 413 | the body is too large |\n"
      "| 415 | another Content-Encoding than gzip |\n"
      "| 422 | the pipeline refused the record (`response`) |\n"
      "| 429 | the pipeline takes no more now; nothing was taken of this request |\n"
      "| 431 | the header is too large |\n"
      "| 503 | starting or stopping, or too many connections |\n| 504 | no answer in time |\n\n"
      "**Memory is bounded**: bodies that are on their way from the network to the pipeline take "
      "at "
      "most `buffer`. While the pipeline takes nothing, requests wait for `accept_timeout` and are "
      "then told 429 with `Retry-After`, as are those that find no room. A request that is told so "
      "has left nothing behind.\n\n"
      "Components on the same `listen` share the listener. It is plain HTTP/1.1, or HTTPS with a "
      "certificate; connections stay open for further requests. There is one partition, named by "
      "address and path; positions count bytes.");
  d.example(
      "type = \"http\"\nlisten = \"127.0.0.1:8080\"\npath = \"/clicks\"\n"
      "decoding = \"json\"\ncolumns = [\"remote_address\"]\n");
  d.traits(FLOW_MESSAGES | FLOW_ONCE);
  d.output("out", "The bodies, or the records that the codec finds in them.");
  d.output("errors", "Records that are no JSON object, or too long.");
  describe_http_listen(d);
  d.option("path", &Options::path, "The path that requests are sent to.");
  d.choice(
      "acknowledge", &Options::acknowledge,
      {{"accepted", Acknowledge::kAccepted},
       {"durable", Acknowledge::kDurable},
       {"response", Acknowledge::kResponse}},
      "When a request is answered: when its records are in the pipeline, when they are on disk "
      "(some 20 ms later; needs checkpoints), or when a sink `respond` has their rows.");
  d.choice("format", &Options::format, {{"json", Format::kJson}, {"raw", Format::kRaw}},
           "What bodies are: JSON objects, which are checked, or any bytes.");
  d.option("columns", &Options::columns,
           "Columns beside the body: `request_id`, `remote_address`, `path`, `query`, and "
           "`received`, the time at which the source took it over. Each costs some bytes a row.");
  d.option("headers", &Options::headers,
           "Headers that become text columns: `User-Agent` is `user_agent`. Null where a request "
           "does not have it.");
  d.option(
      "prefix", &Options::prefix,
      "Stands in front of the names of the columns beside the body, but for `id_field`, against "
      "clashes with those that the codec makes.");
  d.option("id_field", &Options::id_field,
           "The name of the column `request_id`, which is always there with `acknowledge = "
           "\"response\"`.");
  d.option(
       "max_record", &Options::max_record,
       "The longest JSON object; a longer one is no good record: the answer is 400. Give it the "
       "value of the codec's `max_line`, which is 1 MiB, too, if nothing is said: what is "
       "longer there goes to `errors` behind the answer.")
      .range(1, 1024.0 * 1024 * 1024);
  d.option("max_body", &Options::max_body,
           "The largest body, without gzip; a larger one is told 413.")
      .range(1, 1024.0 * 1024 * 1024);
  d.option(
       "buffer", &Options::buffer,
       "How many bytes of bodies may be on their way into the pipeline. More than `max_body` "
       "times the clients that send large bodies at once lets all of them in; less than `max_body` "
       "is refused. While a body without Content-Length grows it takes up to twice its size, "
       "one with gzip up to three times, and 413 tells those that this leaves no room for.")
      .range(64.0 * 1024, 64.0 * 1024 * 1024 * 1024);
  d.option(
       "batch_wait", &Options::batch_wait,
       "How long the first request of a batch waits for others. It is added to the latency, and "
       "saves the cost of small batches; \"0s\" passes on at once what is there, which under "
       "load is what came while the batch before was passed on.")
      .range(0, 1e9);
  d.option("accept_timeout", &Options::accept_timeout,
           "How long a request waits for a pipeline that takes nothing, before it is told 429.")
      .range(1e7, 600e9);
  d.option(
       "timeout", &Options::timeout,
       "With `durable` and `response`: how long the answer may take, before it is 504. Looked at "
       "four times a second.")
      .range(1e7, 3600e9);
}

}  // namespace flow::operators
