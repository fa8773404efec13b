#pragma once

#include <google/protobuf/descriptor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/api/rpc_table.h"
#include "server/http/http_message.h"
#include "server/http/origins.h"
#include "server/http/page.h"
#include "server/http/rest_transcoder.h"
#include "server/http/websocket_handshake.h"
#include "server/live/shards/io_shard.h"
#include "server/live/shards/socket.h"

namespace atrium {

// Answers GET of one path. It calls `done` once, at once or later, on any thread.
using HttpProbe = absl::AnyInvocable<void(HttpDone done) const>;

// Returns 200 or another status, with a line of text.
HttpResponse PlainText(int status, std::string body);

// What is behind an HTTP port. All of it must outlive the server; functions run on any shard, on several at a time.
struct HttpHandlers {
  const RpcTable& rpcs;
  const StreamTable& streams;
  // The methods of these are served as REST.
  std::vector<const google::protobuf::ServiceDescriptor*> services;
  // These answer GET of their paths, such as /healthz.
  // Who does is asked before a method.
  WhoSends who_sends = [](const Credentials&) { return Caller::Service(); };
  absl::flat_hash_map<std::string, HttpProbe> probes;
  absl::Span<const Page> pages;
  // Takes over a socket of /ws, on its shard, after its handshake was answered. `leftover` is what came behind the
  // request. If it is null, there is no /ws.
  absl::AnyInvocable<void(IoShard&, Socket, const WebSocketAnswer&, std::string leftover) const> upgrade;
  // Returns OK, or why no further WebSocket may come: the handshake is answered 503 with that.
  absl::AnyInvocable<absl::Status() const> may_upgrade = [] { return absl::OkStatus(); };
  // Whether messages of WebSockets may be compressed.
  bool may_deflate = true;
  // Requests of pages of others are refused.
  Origins origins;
};

// Answers requests: REST, pages and probes. It is thread-safe.
class HttpService {
 public:
  // INTERNAL if RestTranscoder::Create fails.
  static absl::StatusOr<std::unique_ptr<HttpService>> Create(HttpHandlers handlers);

  // Answers `request`. `done` runs once, at once or later, on any thread.
  void Handle(const HttpRequest& request, HttpDone done) const;

  const HttpHandlers& handlers() const { return handlers_; }

 private:
  struct StoredPage {
    Page page;
    std::string etag;
  };

  HttpService(HttpHandlers handlers, RestTranscoder transcoder);

  // Answers a request whose page, if it comes from one, may read what is answered.
  void Answer(const HttpRequest& request, HttpDone done) const;
  HttpResponse ServePage(const StoredPage& page, const HttpRequest& request) const;

  const HttpHandlers handlers_;
  const RestTranscoder transcoder_;
  std::map<absl::string_view, StoredPage> pages_;
};

}  // namespace atrium
