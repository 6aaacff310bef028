using System.Text;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

/// <summary>Each kind of value arrives as what the schema asks for.</summary>
public sealed unsafe class ValueTests : TorchTest
{
    [Fact]
    public void A_value_is_sixteen_bytes() => sizeof(Value).ShouldBe(16);

    [Fact]
    public void Numbers_convert_to_what_the_schema_asks_for()
    {
        using var scope = TensorScope.Open();
        var x = Vector(1, 2);

        Operator.Get("aten::add", "Scalar").Call(x, 2).ToArray<float>().ShouldBe([3, 4]);
        Operator.Get("aten::add", "Scalar").Call(x, 2.5).ToArray<float>().ShouldBe([3.5f, 4.5f]);
        Operator.Get("aten::add", "Scalar").Call(x, true).ToArray<float>().ShouldBe([2, 3]);
        Operator.Get("aten::leaky_relu").Call(-x, 2).ToArray<float>().ShouldBe([-2, -4]);
        Operator.Get("aten::layer_norm").Call(x, IntegersOf([2], out _), Value.None, Value.None, 3).Shape.ToArray().ShouldBe([2]);
    }

    [Fact]
    public void Scalar_types_layouts_and_memory_formats_are_integers()
    {
        using var scope = TensorScope.Open();
        const long strided = 0;
        const long contiguousFormat = 0;

        Operator.Get("aten::arange").Call(3, ScalarType.Float64, strided, Device.Cpu).ScalarType.ShouldBe(ScalarType.Float64);
        Operator.Get("aten::contiguous").Call(
            Matrix(2, 1, 2, 3, 4).Transpose(0, 1), contiguousFormat).IsContiguous.ShouldBeTrue();
    }

    [Fact]
    public void A_device_arrives_and_one_that_is_not_there_is_refused()
    {
        using var scope = TensorScope.Open();

        Operator.Get("aten::to", "device").Call(Vector(1), Device.Cpu, ScalarType.Float32).Device.ShouldBe(Device.Cpu);
        if (Device.CudaCount == 0)
            Should.Throw<TorchException>(() => Vector(1).To(Device.Cuda(0))).Message.ShouldContain("CUDA");
    }

    [Fact]
    public void An_optional_tensor_may_be_none_or_null()
    {
        using var scope = TensorScope.Open();
        var linear = Operator.Get("aten::linear");
        var (x, weight) = (Matrix(2, 1, 2), Matrix(2, 3, 4));

        linear.Call(x, weight, Value.None).Item<float>().ShouldBe(11);
        linear.Call(x, weight, (Tensor?)null).Item<float>().ShouldBe(11);
        linear.Call(x, weight, Vector(1)).Item<float>().ShouldBe(12);
    }

    [Fact]
    public void Missing_and_default_arguments_come_from_the_schema()
    {
        using var scope = TensorScope.Open();
        var x = Matrix(2, 1, 2, 3, 4);

        Operator.Get("aten::sum", "dim_IntList").Call(x, 0, Value.Default, ScalarType.Float64).ToArray<double>().ShouldBe([4, 6]);
        Operator.Get("aten::sum", "dim_IntList").Call(x, 0).ToArray<float>().ShouldBe([4, 6]);
        Should.Throw<TorchException>(() => Operator.Get("aten::add", "Tensor").Call(x))
            .Message.ShouldContain("'other' has no default");
    }

    [Fact]
    public void Lists_of_integers_come_from_memory_or_from_one_integer()
    {
        using var scope = TensorScope.Open();
        var x = Tensor.Ones([1, 1, 4, 4]);
        var maxPool = Operator.Get("aten::max_pool2d");

        Operator.Get("aten::sum", "dim_IntList").Call(x, IntegersOf([2, 3], out var count)).Item<float>().ShouldBe(16);
        count.ShouldBe(2);
        maxPool.Call(x, 2).Shape.ToArray().ShouldBe([1, 1, 2, 2]);
    }

    [Fact]
    public void Lists_of_numbers_arrive()
    {
        using var scope = TensorScope.Open();
        double* factors = stackalloc double[] { 2 };

        var y = Operator.Get("aten::upsample_nearest1d", "vec").Call(
            Tensor.Ones([1, 1, 3]), Value.None, Value.Numbers(factors, 1));

        y.Shape.ToArray().ShouldBe([1, 1, 6]);
    }

    [Fact]
    public void Lists_of_booleans_arrive_and_undefined_results_are_null()
    {
        using var scope = TensorScope.Open();
        bool* wanted = stackalloc bool[] { true, false, true };
        var x = Matrix(2, 1, 3);
        var statistics = Operator.Get("aten::native_layer_norm").CallMany(
            x, IntegersOf([2], out _), Vector(1, 1), Vector(0, 0), 1e-5);

        var gradients = Operator.Get("aten::native_layer_norm_backward").CallOptional(
            Matrix(2, 1, 1), x, IntegersOf([2], out _), statistics[1], statistics[2], Vector(1, 1), Vector(0, 0),
            Value.Booleans(wanted, 3));

        gradients.Length.ShouldBe(3);
        gradients[0].ShouldNotBeNull();
        gradients[1].ShouldBeNull();
        gradients[2]!.ToArray<float>().ShouldBe([1, 1]);
    }

    [Fact]
    public void Lists_of_tensors_and_of_optional_tensors_arrive()
    {
        using var scope = TensorScope.Open();
        var x = Matrix(2, 1, 2, 3, 4);
        nint* pair = stackalloc nint[] { x.Handle, x.Handle };
        nint* secondOnly = stackalloc nint[] { 0, Tensor.From<long>([1]).Handle };

        Operator.Get("aten::cat").Call(Value.Tensors(pair, 2), 1).Shape.ToArray().ShouldBe([2, 4]);
        Operator.Get("aten::index", "Tensor").Call(x, Value.Tensors(secondOnly, 2)).ToArray<float>().ShouldBe([2, 4]);
    }

    [Fact]
    public void Strings_arrive()
    {
        using var scope = TensorScope.Open();
        fixed (byte* text = "tanh"u8)
        {
            var y = Operator.Get("aten::gelu").Call(Vector(1), Value.Utf8(text, 4));
            ShouldBeClose(y, 0.8411920f);
        }
    }

    [Fact]
    public void Scalar_results_come_back_as_values()
    {
        using var scope = TensorScope.Open();

        Operator.Get("aten::item").CallValue(Tensor.From<long>([7])).Integer.ShouldBe(7);
        Operator.Get("aten::item").CallValue(Vector(0.5f)).Number.ShouldBe(0.5);
        Operator.Get("aten::equal").CallValue(Vector(1), Vector(1)).Integer.ShouldBe(1);
        Should.Throw<InvalidOperationException>(() => Operator.Get("aten::item").CallValue(Vector(0.5f)).Integer);
    }

    [Fact]
    public void A_value_of_the_wrong_kind_is_refused_with_the_argument_named()
    {
        using var scope = TensorScope.Open();
        var relu = Operator.Get("aten::relu");

        Should.Throw<TorchException>(() => relu.Call(1)).Message.ShouldContain("argument 'self' expects Tensor, got an integer");
        Should.Throw<TorchException>(() => relu.Call(Value.None)).Message.ShouldContain("got None");
        Should.Throw<TorchException>(() => relu.Call(Vector(1), 2)).Message.ShouldContain("takes 1 arguments, got 2");
        Should.Throw<TorchException>(() => Operator.Get("aten::softmax", "int").Call(Vector(1), 0.5))
            .Message.ShouldContain("'dim' expects int");
        Should.Throw<TorchException>(() => Operator.Get("aten::gelu").Call(Vector(1), 1))
            .Message.ShouldContain("'approximate' expects str");
    }

    [Fact]
    public void Results_that_do_not_fit_the_kind_of_call_are_refused_and_freed()
    {
        using var scope = TensorScope.Open();
        var x = Matrix(2, 1, 2, 3, 4);
        var live = Tensor.LiveCount;

        Should.Throw<TorchException>(() => Operator.Get("aten::unbind", "int").Call(x))
            .Message.ShouldContain("expected one tensor, found 2");
        Should.Throw<TorchException>(() => Operator.Get("aten::relu").CallPair(x))
            .Message.ShouldContain("expected two tensors, found 1");
        Should.Throw<TorchException>(() => Operator.Get("aten::relu").CallValue(x)).Message.ShouldContain("expected one number");
        Tensor.LiveCount.ShouldBe(live);
    }

    [Fact]
    public void Every_kind_is_written_in_messages()
    {
        using var scope = TensorScope.Open();
        var list = stackalloc long[] { 1, 2 };
        var numbers = stackalloc double[] { 0.5 };
        var flags = stackalloc bool[] { true };
        nint* handles = stackalloc nint[] { Matrix(2, 1, 2).Handle, 0 };
        fixed (byte* text = Encoding.UTF8.GetBytes("é"))
        {
            ValueText.Of(
                [Vector(1), 2, 0.5, true, Value.None, Value.Default, Device.Cpu, Value.Integers(list, 2),
                Value.Numbers(numbers, 1), Value.Booleans(flags, 1), Value.Tensors(handles, 2), Value.Utf8(text, 2)])
                .ShouldBe("Float32[1], 2, 0.5, true, None, Default, Device, [1, 2], [0.5], [True], [Float32[1, 2], None], \"é\"");
        }
    }

    /// <summary>A list in memory that is never moved.</summary>
    private static Value IntegersOf(long[] values, out int count)
    {
        var pinned = GC.AllocateArray<long>(values.Length, pinned: true);
        values.CopyTo(pinned, 0);
        count = values.Length;
        return Value.Integers((long*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0), count);
    }
}
