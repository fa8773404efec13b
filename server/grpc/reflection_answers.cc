#include "server/grpc/reflection_answers.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"

namespace atrium {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

ReflectionAnswers::ReflectionAnswers(std::vector<std::string> services) : services_(std::move(services)) {
  std::sort(services_.begin(), services_.end());
  for (const std::string& service : services_) {
    Add(*DescriptorPool::generated_pool()->FindServiceByName(service)->file());
  }
}

void ReflectionAnswers::Add(const FileDescriptor& file) {
  if (pool_.FindFileByName(file.name()) != nullptr) return;
  for (int i = 0; i < file.dependency_count(); ++i) Add(*file.dependency(i));
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  serialised_[pool_.BuildFile(proto)] = proto.SerializeAsString();
}

ReflectionAnswers::Response ReflectionAnswers::Answer(const Request& request, Told& told) const {
  Response response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  const absl::Status status = Fill(request, told, response);
  if (!status.ok()) {
    response.mutable_error_response()->set_error_code(static_cast<int>(status.code()));
    response.mutable_error_response()->set_error_message(std::string(status.message()));
  }
  return response;
}

absl::Status ReflectionAnswers::Fill(const Request& request, Told& told, Response& response) const {
  switch (request.message_request_case()) {
    case Request::kFileByFilename: {
      const std::string& name = request.file_by_filename();
      return TellFile(pool_.FindFileByName(name), absl::StrCat("file ", Excerpt(name)), told, response);
    }
    case Request::kFileContainingSymbol: {
      const std::string& name = request.file_containing_symbol();
      return TellFile(pool_.FindFileContainingSymbol(name), absl::StrCat("symbol ", Excerpt(name)), told, response);
    }
    case Request::kFileContainingExtension: {
      const std::string& type = request.file_containing_extension().containing_type();
      const int number = request.file_containing_extension().extension_number();
      return TellFile(FileOfExtension(type, number), absl::StrCat("extension ", number, " of ", Excerpt(type)), told,
                      response);
    }
    case Request::kAllExtensionNumbersOfType:
      return TellExtensionNumbers(request.all_extension_numbers_of_type(), response);
    case Request::kListServices:
      for (const std::string& service : services_) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      return absl::OkStatus();
    case Request::MESSAGE_REQUEST_NOT_SET: break;
  }
  return absl::UnimplementedError("the request asks for nothing that is known here");
}

absl::Status ReflectionAnswers::TellFile(const FileDescriptor* file, const std::string& asked, Told& told,
                                         Response& response) const {
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("no ", asked));
  told.insert(file);
  response.mutable_file_descriptor_response()->add_file_descriptor_proto(serialised_.at(file));
  TellImports(*file, told, response);
  return absl::OkStatus();
}

void ReflectionAnswers::TellImports(const FileDescriptor& file, Told& told, Response& response) const {
  for (int i = 0; i < file.dependency_count(); ++i) {
    const FileDescriptor& import = *file.dependency(i);
    // What it imports itself has been told with it.
    if (!told.insert(&import).second) continue;
    response.mutable_file_descriptor_response()->add_file_descriptor_proto(serialised_.at(&import));
    TellImports(import, told, response);
  }
}

absl::Status ReflectionAnswers::TellExtensionNumbers(const std::string& type, Response& response) const {
  const Descriptor* const descriptor = pool_.FindMessageTypeByName(type);
  if (descriptor == nullptr) return absl::NotFoundError(absl::StrCat("no type ", Excerpt(type)));
  std::vector<const FieldDescriptor*> extensions;
  pool_.FindAllExtensions(descriptor, &extensions);
  auto& answer = *response.mutable_all_extension_numbers_response();
  answer.set_base_type_name(type);
  for (const FieldDescriptor* const extension : extensions) answer.add_extension_number(extension->number());
  return absl::OkStatus();
}

const FileDescriptor* ReflectionAnswers::FileOfExtension(const std::string& type, int number) const {
  const Descriptor* const descriptor = pool_.FindMessageTypeByName(type);
  if (descriptor == nullptr) return nullptr;
  const FieldDescriptor* const extension = pool_.FindExtensionByNumber(descriptor, number);
  return extension == nullptr ? nullptr : extension->file();
}

}  // namespace atrium
