#pragma once

#include <google/protobuf/descriptor.h>

#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/api/rpc_table.h"
#include "server/http/http_message.h"
#include "server/http/page.h"
#include "server/http/rest_transcoder.h"
#include "server/http/websocket_handshake.h"
#include "server/live/io_shard.h"

namespace atrium {

// What is behind the HTTP port. All must outlive the server; functions run on any shard, on several at a time.
struct HttpHandlers {
  const RpcTable& rpcs;
  const StreamTable& streams;
  // Those whose methods are served as REST.
  std::vector<const google::protobuf::ServiceDescriptor*> services;
  // The text of GET /metrics, in Prometheus' format 0.0.4.
  absl::AnyInvocable<std::string() const> metrics;
  // False once the server drains.
  absl::AnyInvocable<bool() const> ready;
  absl::Span<const Page> pages;
  // Takes over a socket of /ws after its handshake was answered, on the shard to whose io_context it belongs.
  // `leftover` is what came behind the request.
  absl::AnyInvocable<void(IoShard&, boost::asio::ip::tcp::socket, const WebSocketAnswer&, std::string leftover) const>
      upgrade;
  // Whether its messages may be compressed.
  bool may_deflate = true;
};

// Answers requests: REST, pages, /metrics, /healthz, /readyz. Thread-safe.
class HttpService {
 public:
  // INTERNAL as RestTranscoder::Create.
  static absl::StatusOr<std::unique_ptr<HttpService>> Create(HttpHandlers handlers);

  void Handle(const HttpRequest& request, HttpDone done) const;

  const HttpHandlers& handlers() const { return handlers_; }

 private:
  struct StoredPage {
    Page page;
    std::string etag;
  };

  HttpService(HttpHandlers handlers, RestTranscoder transcoder);

  HttpResponse ServePage(const StoredPage& page, const HttpRequest& request) const;

  const HttpHandlers handlers_;
  const RestTranscoder transcoder_;
  std::map<absl::string_view, StoredPage> pages_;
};

}  // namespace atrium
