// Operators: found by name, called boxed. What each argument is converted to is read once from the schema.
#include "bridge.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/jit_type.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

namespace bam {
namespace {

enum class Target : uint8_t { Tensor, Int, Double, Bool, Scalar, String, Device, IntList, DoubleList, BoolList, TensorList,
                              OptionalTensorList, NoneOnly };

struct Parameter {
    Target target;
    bool optional;
    int32_t fixed_length;  // of a list; 0 for any: `int[2] stride` also takes one integer
};

struct Operator {
    c10::OperatorHandle handle;
    std::vector<Parameter> parameters;
};

Target target_of(const c10::Type& type) {
    switch (type.kind()) {
        case c10::TypeKind::TensorType: return Target::Tensor;
        case c10::TypeKind::IntType:
        case c10::TypeKind::SymIntType:
        case c10::TypeKind::ScalarTypeType:
        case c10::TypeKind::LayoutType:
        case c10::TypeKind::MemoryFormatType: return Target::Int;
        case c10::TypeKind::FloatType: return Target::Double;
        case c10::TypeKind::BoolType: return Target::Bool;
        case c10::TypeKind::NumberType: return Target::Scalar;
        case c10::TypeKind::StringType: return Target::String;
        case c10::TypeKind::DeviceObjType: return Target::Device;
        case c10::TypeKind::ListType: {
            const auto element = type.containedTypes().at(0);
            switch (target_of(*element)) {
                case Target::Tensor: return element->kind() == c10::TypeKind::OptionalType ? Target::OptionalTensorList
                                                                                            : Target::TensorList;
                case Target::Int: return Target::IntList;
                case Target::Double: return Target::DoubleList;
                case Target::Bool: return Target::BoolList;
                default: return Target::NoneOnly;
            }
        }
        case c10::TypeKind::OptionalType: return target_of(*type.containedTypes().at(0));
        default: return Target::NoneOnly;  // generators, streams …: only their default can be given
    }
}

const char* name_of(Kind kind) {
    static const char* const names[] = {"None",   "a tensor",     "an integer",     "a number",       "a boolean",     "a string",
                                        "a device", "integers",   "numbers",        "booleans",       "tensors",       "a default"};
    const auto index = static_cast<size_t>(kind);
    return index < std::size(names) ? names[index] : "an unknown kind";
}

[[noreturn]] void mismatch(const c10::Argument& argument, const Value& value) {
    TORCH_CHECK(false, "argument '", argument.name(), "' expects ", argument.type()->str(), ", got ", name_of(value.kind));
}

c10::IValue tensor_list(const Value& value, bool optional_elements) {
    c10::TypePtr element = c10::TensorType::get();
    if (optional_elements)
        element = c10::OptionalType::create(element);
    c10::impl::GenericList list(element);
    list.reserve(value.length);
    const auto* handles = static_cast<const TensorHandle*>(value.pointer);
    for (int32_t i = 0; i < value.length; ++i) {
        if (handles[i] == nullptr && optional_elements)
            list.push_back(c10::IValue());
        else
            list.push_back(c10::IValue(borrow(handles[i])));
    }
    return c10::IValue(std::move(list));
}

c10::IValue convert(const Value& value, const Parameter& parameter, const c10::Argument& argument) {
    if (value.kind == Kind::Default) {
        const auto& standard = argument.default_value();
        TORCH_CHECK(standard.has_value(), "argument '", argument.name(), "' has no default");
        return *standard;
    }
    if (value.kind == Kind::None) {
        if (!parameter.optional && parameter.target != Target::NoneOnly)
            mismatch(argument, value);
        return c10::IValue();
    }

    switch (parameter.target) {
        case Target::Tensor:
            if (value.kind == Kind::Tensor)
                return c10::IValue(borrow(static_cast<TensorHandle>(const_cast<void*>(value.pointer))));
            break;
        case Target::Int:
            if (value.kind == Kind::Int)
                return c10::IValue(value.integer);
            break;
        case Target::Double:
            if (value.kind == Kind::Double)
                return c10::IValue(value.real);
            if (value.kind == Kind::Int)
                return c10::IValue(static_cast<double>(value.integer));
            break;
        case Target::Bool:
            if (value.kind == Kind::Bool)
                return c10::IValue(value.integer != 0);
            break;
        case Target::Scalar:
            if (value.kind == Kind::Int)
                return c10::IValue(value.integer);
            if (value.kind == Kind::Double)
                return c10::IValue(value.real);
            if (value.kind == Kind::Bool)
                return c10::IValue(value.integer != 0);
            break;
        case Target::String:
            if (value.kind == Kind::String)
                return c10::IValue(std::string(static_cast<const char*>(value.pointer), value.length));
            break;
        case Target::Device:
            if (value.kind == Kind::Device)
                return c10::IValue(c10::Device(static_cast<c10::DeviceType>(value.integer),
                                               static_cast<c10::DeviceIndex>(value.length)));
            break;
        case Target::IntList:
            if (value.kind == Kind::IntList)
                return c10::IValue(c10::IntArrayRef(static_cast<const int64_t*>(value.pointer), value.length));
            if (value.kind == Kind::Int)
                return c10::IValue(std::vector<int64_t>(std::max(1, parameter.fixed_length), value.integer));
            break;
        case Target::DoubleList:
            if (value.kind == Kind::DoubleList) {
                const auto* numbers = static_cast<const double*>(value.pointer);
                return c10::IValue(std::vector<double>(numbers, numbers + value.length));
            }
            break;
        case Target::BoolList:
            if (value.kind == Kind::BoolList) {
                c10::List<bool> list;
                for (int32_t i = 0; i < value.length; ++i)
                    list.push_back(static_cast<const uint8_t*>(value.pointer)[i] != 0);
                return c10::IValue(std::move(list));
            }
            break;
        case Target::TensorList:
        case Target::OptionalTensorList:
            if (value.kind == Kind::TensorList)
                return tensor_list(value, parameter.target == Target::OptionalTensorList);
            break;
        case Target::NoneOnly: break;
    }
    mismatch(argument, value);
}

void append(c10::IValue&& result, std::vector<Value>& results) {
    Value value{};
    if (result.isTensor()) {
        value.pointer = release(std::move(result).toTensor());
        value.kind = value.pointer == nullptr ? Kind::None : Kind::Tensor;
    } else if (result.isInt()) {
        value.kind = Kind::Int;
        value.integer = result.toInt();
    } else if (result.isDouble()) {
        value.kind = Kind::Double;
        value.real = result.toDouble();
    } else if (result.isBool()) {
        value.kind = Kind::Bool;
        value.integer = result.toBool() ? 1 : 0;
    } else if (result.isList()) {
        for (const c10::IValue& element : result.toListRef())
            append(c10::IValue(element), results);
        return;
    } else {
        TORCH_CHECK(result.isNone(), "a result of type ", result.tagKind(), " cannot be handed to C#");
    }
    results.push_back(value);
}

void free_all(const std::vector<Value>& values) noexcept {
    for (const Value& value : values)
        if (value.kind == Kind::Tensor)
            adopt(static_cast<TensorHandle>(const_cast<void*>(value.pointer)));
}

// The results of this thread's last call, when they did not fit.
thread_local std::vector<Value> overflow;

// A dispatcher's stack whose memory is used again by this thread's next call. Calls nest, as an operator may call back
// into C#: the inner one finds no spare memory and takes its own.
class ReusedStack {
public:
    ReusedStack() { stack_.swap(spare_); }
    ReusedStack(const ReusedStack&) = delete;
    ReusedStack& operator=(const ReusedStack&) = delete;
    ~ReusedStack() {
        stack_.clear();
        stack_.swap(spare_);
    }
    torch::jit::Stack& operator*() { return stack_; }

private:
    static thread_local torch::jit::Stack spare_;
    torch::jit::Stack stack_;
};

thread_local torch::jit::Stack ReusedStack::spare_;

}  // namespace
}  // namespace bam

using namespace bam;

// Null when there is no such operator in this libtorch. There is one handle for each operator, as long as the process lives.
BAM_EXPORT void* bam_operator_find(const char* name, const char* overload) noexcept {
    Operator* found = nullptr;
    guarded([&] {
        static std::mutex mutex;
        static auto& known = *new std::map<std::pair<std::string, std::string>, Operator>;
        const std::lock_guard<std::mutex> lock(mutex);
        const std::pair<std::string, std::string> key(name, overload);
        if (const auto place = known.find(key); place != known.end()) {
            found = &place->second;
            return;
        }
        auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
        if (!handle.has_value())
            return;
        std::vector<Parameter> parameters;
        for (const c10::Argument& argument : handle->schema().arguments())
            parameters.push_back({target_of(*argument.type()), argument.type()->kind() == c10::TypeKind::OptionalType,
                                  argument.N() ? *argument.N() : 0});
        found = &known.emplace(key, Operator{*handle, std::move(parameters)}).first->second;
    });
    return found;
}

// Calls an operator. Missing trailing arguments take the schema's defaults; lists among the results are flattened.
// Up to `capacity` results are written; if there are more, none is, and bam_operator_results hands them all over.
// With capacity 0 and no count the results are dropped (in-place operators return their own argument).
BAM_EXPORT int32_t bam_operator_call(void* op, const Value* arguments, int32_t argument_count, Value* results, int32_t capacity,
                                     int32_t* count) noexcept {
    return guarded([&] {
        const Operator& self = *static_cast<const Operator*>(op);
        const auto& schema = self.handle.schema().arguments();
        TORCH_CHECK(static_cast<size_t>(argument_count) <= schema.size(), "takes ", schema.size(), " arguments, got ",
                    argument_count);
        ReusedStack reused;
        torch::jit::Stack& stack = *reused;
        stack.reserve(schema.size());
        for (size_t i = 0; i < schema.size(); ++i) {
            const Value value = i < static_cast<size_t>(argument_count) ? arguments[i] : Value{Kind::Default, 0, {0}};
            stack.push_back(convert(value, self.parameters[i], schema[i]));
        }
        self.handle.callBoxed(&stack);
        if (count == nullptr)
            return;

        if (capacity >= 1 && stack.size() == 1 && stack[0].isTensor()) {
            TensorHandle handle = release(std::move(stack[0]).toTensor());
            results[0] = Value{handle == nullptr ? Kind::None : Kind::Tensor, 0, {0}};
            results[0].pointer = handle;
            *count = 1;
            return;
        }

        std::vector<Value> collected;
        try {
            for (c10::IValue& result : stack)
                append(std::move(result), collected);
        } catch (...) {
            free_all(collected);
            throw;
        }
        *count = static_cast<int32_t>(collected.size());
        if (*count <= capacity)
            std::copy(collected.begin(), collected.end(), results);
        else
            overflow = std::move(collected);
    });
}

// Hands over the results of this thread's last call, when they did not fit.
BAM_EXPORT void bam_operator_results(Value* results) noexcept {
    std::copy(overflow.begin(), overflow.end(), results);
    overflow.clear();
}

// The schema as text, for error messages and documentation; valid until the thread's next failing or describing call.
BAM_EXPORT const char* bam_operator_schema(void* op) noexcept {
    thread_local std::string text;
    text.clear();
    guarded([&] {
        std::ostringstream stream;
        stream << static_cast<const Operator*>(op)->handle.schema();
        text = stream.str();
    });
    return text.c_str();
}
