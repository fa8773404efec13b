#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"
#include "server/grpc/status.h"
#include "server/wire/parse_message.h"

namespace atrium {

// Returns `message` as gRPC sends it.
template <typename Message>
::grpc::ByteBuffer ToByteBuffer(const Message& message) {
  ::grpc::ByteBuffer bytes;
  bool owned = false;
  ::grpc::SerializationTraits<Message>::Serialize(message, &bytes, &owned);
  return bytes;
}

// Reads a message as gRPC has received it, which need not be as its sender meant it: gRPC unpacks none (GrpcDoor).
class ReceivedMessage final : public ::grpc::ProtoBufferReader {
 public:
  using ProtoBufferReader::ProtoBufferReader;

  // OK, or UNIMPLEMENTED if it is compressed.
  absl::Status CheckUncompressed() {
    if (!status().ok() || reader()->buffer_in->data.raw.compression == GRPC_COMPRESS_NONE) return absl::OkStatus();
    return MakeError(absl::StatusCode::kUnimplemented, "COMPRESSED_MESSAGE",
                     "compressed messages are not taken: grpc-encoding must be identity");
  }
};

inline absl::Status CheckUncompressed(::grpc::ByteBuffer& bytes) { return ReceivedMessage(&bytes).CheckUncompressed(); }

// Reads a request as gRPC has received it, and lets go of its bytes. UNIMPLEMENTED if it is compressed,
// INVALID_ARGUMENT where ParseMessage returns false.
inline absl::Status ParseByteBuffer(::grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  absl::Status status;
  {
    ReceivedMessage received(&bytes);
    status = received.CheckUncompressed();
    if (status.ok() && (!received.status().ok() || !ParseMessage(received, message))) {
      status = NotSerialised(*message.GetDescriptor());
    }
  }
  bytes.Clear();
  return status;
}

// A generated asynchronous service whose methods all take and give bytes, which are parsed here: gRPC itself answers
// INTERNAL to a request that does not parse, which tells clients that the server is at fault. `Async` is that service,
// with its streaming methods raw already (WithRawMethod_Xyz), so that their `Request...` takes bytes too.
template <typename Async>
class RawService : public Async {
 public:
  // `name` is the full name of the service.
  explicit RawService(const std::string& name)
      : type_(*google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name)) {
    for (int i = 0; i < type_.method_count(); ++i) this->MarkMethodRaw(i);
  }

  // Returns the number of a method, as gRPC counts them.
  int IndexOf(absl::string_view method) const { return type_.FindMethodByName(std::string(method))->index(); }

  // Waits for a call of a unary method, as its generated RequestXyz would.
  void RequestUnary(int index, ::grpc::ServerContext* context, ::grpc::ByteBuffer* request,
                    ::grpc::ServerAsyncResponseWriter<::grpc::ByteBuffer>* writer, ::grpc::ServerCompletionQueue* queue,
                    void* tag) {
    this->RequestAsyncUnary(index, context, request, writer, queue, queue, tag);
  }

 private:
  const google::protobuf::ServiceDescriptor& type_;
};

}  // namespace atrium
