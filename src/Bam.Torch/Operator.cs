using System.Text;

namespace Bam.Torch;

/// <summary>
/// An operator of libtorch, found by name and called through the dispatcher. Keep it in a static field: it is looked up
/// at its first call. Missing trailing arguments take the schema's defaults.
/// </summary>
internal sealed unsafe class Operator
{
    private const int InlineResults = 8;

    private readonly string overload;
    private nint handle;

    private Operator(string name, string overload)
    {
        Name = name;
        this.overload = overload;
    }

    /// <summary>The name with its namespace and overload, such as <c>aten::add.Tensor</c>.</summary>
    public string FullName => this.overload.Length == 0 ? Name : $"{Name}.{this.overload}";

    /// <summary>The name with its namespace, such as <c>aten::add</c>.</summary>
    public string Name { get; }

    /// <summary>The schema, such as <c>aten::relu(Tensor self) -> Tensor</c>.</summary>
    /// <exception cref="TorchException">This libtorch does not have the operator.</exception>
    public string Schema => new((sbyte*)Native.bam_operator_schema(Handle));

    public bool IsAvailable => handle != 0 || (handle = Find(Name, this.overload)) != 0;

    private nint Handle =>
        IsAvailable ? handle : throw new TorchException(FullName, $"libtorch {LibTorch.Info.Version} has no such operator");

    /// <summary>The operator of this name, such as <c>aten::linear</c>; whether it exists is found at its first call.</summary>
    public static Operator Get(string name, string overload = "") => new(name, overload);

    public static bool Exists(string name, string overload = "") => Get(name, overload).IsAvailable;

    /// <summary>Calls an operator that returns one tensor.</summary>
    /// <exception cref="TorchException">libtorch refused the arguments.</exception>
    public Tensor Call(params ReadOnlySpan<Value> arguments)
    {
        Value result;
        var count = Run(arguments, &result, 1);
        return count == 1 && result.Handle != 0 ? new Tensor(result.Handle) : throw Unexpected("one tensor", &result, 1, count);
    }

    /// <summary>Calls an operator for its effect and drops its result: in-place operators return their own argument.</summary>
    /// <exception cref="TorchException">libtorch refused the arguments.</exception>
    public void Invoke(params ReadOnlySpan<Value> arguments)
    {
        fixed (Value* values = arguments)
        {
            if (Native.bam_operator_call(Handle, values, arguments.Length, null, 0, null) != 0)
                throw Refused(arguments);
        }
    }

    /// <summary>Calls an operator that returns a number, such as <c>aten::item</c>.</summary>
    /// <exception cref="TorchException">libtorch refused the arguments.</exception>
    public Value CallValue(params ReadOnlySpan<Value> arguments)
    {
        Value result;
        var count = Run(arguments, &result, 1);
        return count == 1 && result.Kind != ValueKind.Tensor ? result : throw Unexpected("one number", &result, 1, count);
    }

    /// <summary>Calls an operator that returns two tensors.</summary>
    /// <exception cref="TorchException">libtorch refused the arguments.</exception>
    public (Tensor First, Tensor Second) CallPair(params ReadOnlySpan<Value> arguments)
    {
        var results = stackalloc Value[2];
        var count = Run(arguments, results, 2);
        return count == 2 && results[0].Handle != 0 && results[1].Handle != 0
            ? (new Tensor(results[0].Handle), new Tensor(results[1].Handle))
            : throw Unexpected("two tensors", results, 2, count);
    }

    /// <summary>Calls an operator that returns a list of tensors.</summary>
    /// <exception cref="TorchException">libtorch refused the arguments.</exception>
    public Tensor[] CallMany(params ReadOnlySpan<Value> arguments) =>
        Array.ConvertAll(
            CallOptional(arguments),
            tensor => tensor ?? throw new TorchException(FullName, "returned no tensor where one was expected"));

    /// <summary>Calls an operator that returns tensors of which some may be undefined, as gradients are.</summary>
    /// <exception cref="TorchException">libtorch refused the arguments.</exception>
    public Tensor?[] CallOptional(params ReadOnlySpan<Value> arguments)
    {
        var inline = stackalloc Value[InlineResults];
        var count = Run(arguments, inline, InlineResults);
        return Wrap(count <= InlineResults ? new ReadOnlySpan<Value>(inline, count) : Overflowing(count));
    }

    public override string ToString() => FullName;

    private static Tensor?[] Wrap(ReadOnlySpan<Value> results)
    {
        var tensors = new Tensor?[results.Length];
        for (var i = 0; i < results.Length; i++)
            tensors[i] = results[i].Handle == 0 ? null : new Tensor(results[i].Handle);
        return tensors;
    }

    /// <summary>The results that did not fit into the caller's memory.</summary>
    private static Value[] Overflowing(int count)
    {
        var results = new Value[count];
        fixed (Value* values = results)
            Native.bam_operator_results(values);
        return results;
    }

    private static nint Find(string name, string overload)
    {
        fixed (byte* nameBytes = Encoding.UTF8.GetBytes(name + '\0'), overloadBytes = Encoding.UTF8.GetBytes(overload + '\0'))
            return Native.bam_operator_find(nameBytes, overloadBytes);
    }

    private int Run(ReadOnlySpan<Value> arguments, Value* results, int capacity)
    {
        int count;
        fixed (Value* values = arguments)
        {
            if (Native.bam_operator_call(Handle, values, arguments.Length, results, capacity, &count) != 0)
                throw Refused(arguments);
        }

        return count;
    }

    private TorchException Refused(ReadOnlySpan<Value> arguments)
    {
        var message = Native.LastError();
        return new TorchException(FullName, $"{message.TrimEnd()} ({ValueText.Of(arguments)})");
    }

    private TorchException Unexpected(string expected, Value* results, int capacity, int count)
    {
        foreach (var result in count <= capacity ? new ReadOnlySpan<Value>(results, count) : Overflowing(count))
        {
            if (result.Handle != 0)
                Native.bam_tensor_free(result.Handle);
        }

        return new TorchException(FullName, $"expected {expected}, found {count} results of {Schema}");
    }
}
