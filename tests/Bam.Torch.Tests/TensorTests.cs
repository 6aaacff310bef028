using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class TensorTests : TorchTest
{
    [Fact]
    public void Every_element_type_survives_the_way_in_and_out()
    {
        using var scope = TensorScope.Open();

        RoundTrip<float>([1.5f, -2], ScalarType.Float32);
        RoundTrip([1.5, -2], ScalarType.Float64);
        RoundTrip<long>([1, long.MinValue], ScalarType.Int64);
        RoundTrip([1, int.MinValue], ScalarType.Int32);
        RoundTrip<short>([1, short.MinValue], ScalarType.Int16);
        RoundTrip<sbyte>([1, -128], ScalarType.Int8);
        RoundTrip<byte>([1, 255], ScalarType.UInt8);
        RoundTrip([true, false], ScalarType.Bool);
        RoundTrip([(Half)1.5, (Half)(-2)], ScalarType.Float16);
        Should.Throw<NotSupportedException>(() => Tensor.From<char>(['a']));
    }

    [Fact]
    public void BFloat16_is_read_as_its_bits()
    {
        using var scope = TensorScope.Open();

        var bits = Vector(1, -2).To(ScalarType.BFloat16);

        bits.AsSpan<ushort>().ToArray().ShouldBe([(ushort)0x3F80, (ushort)0xC000]);
        Should.Throw<TorchException>(() => bits.AsSpan<short>().Length);
    }

    [Fact]
    public void Factories_fill_as_they_say()
    {
        using var scope = TensorScope.Open();

        Tensor.Zeros([2]).ToArray<float>().ShouldBe([0, 0]);
        Tensor.Ones([2], ScalarType.Int64).ToArray<long>().ShouldBe([1, 1]);
        Tensor.Full([2], 2.5, ScalarType.Float64).ToArray<double>().ShouldBe([2.5, 2.5]);
        Tensor.Arange(3).ToArray<long>().ShouldBe([0, 1, 2]);
        Tensor.Arange(2, 4, ScalarType.Float32).ToArray<float>().ShouldBe([2, 3]);
        Tensor.Full([], 3).Rank.ShouldBe(0);
        Tensor.Empty([2, 0, 3]).Count.ShouldBe(0);
        Tensor.Empty([0]).ToArray<float>().ShouldBeEmpty();
        Should.Throw<ArgumentException>(() => Tensor.From<float>([1, 2, 3], [2, 2])).Message.ShouldContain("expected 4 values");
    }

    [Fact]
    public void A_span_writes_into_the_tensor()
    {
        using var scope = TensorScope.Open();
        var x = Tensor.Zeros([3]);

        x.AsSpan<float>()[1] = 5;

        x.Sum().Item<float>().ShouldBe(5);
    }

    [Fact]
    public void A_span_is_refused_where_it_would_show_other_elements()
    {
        using var scope = TensorScope.Open();
        var x = Matrix(2, 1, 2, 3, 4);

        Should.Throw<TorchException>(() => x.Transpose(0, 1).AsSpan<float>().Length).Message.ShouldContain("with gaps");
        Should.Throw<TorchException>(() => x.AsSpan<int>().Length).Message.ShouldContain("Int32");
        x.Transpose(0, 1).ToArray<float>().ShouldBe([1, 3, 2, 4]);
    }

    [Fact]
    public void An_item_converts_and_refuses_more_than_one_element()
    {
        using var scope = TensorScope.Open();

        Vector(2.5f).Item<double>().ShouldBe(2.5);
        Tensor.From<long>([7]).Item<int>().ShouldBe(7);
        Tensor.From<long>([7]).Item<float>().ShouldBe(7);
        Tensor.From<bool>([true]).Item<bool>().ShouldBeTrue();
        Should.Throw<TorchException>(() => Vector(1, 2).Item<float>());
        Should.Throw<InvalidOperationException>(() => Vector(1).Item<long>());
        Should.Throw<NotSupportedException>(() => Vector(1).Item<char>());
    }

    [Fact]
    public void A_view_shares_memory_and_a_clone_does_not()
    {
        using var scope = TensorScope.Open();
        var x = Vector(1, 2, 3, 4);

        x.View(2, 2).Select(0, 1).Fill_(9);
        x.Clone().Fill_(0);

        x.ToArray<float>().ShouldBe([1, 2, 9, 9]);
        x.View(2, 2).DataPointer.ShouldBe(x.DataPointer);
    }

    [Fact]
    public void Text_gives_type_and_shape()
    {
        var x = Tensor.Zeros([2, 3], ScalarType.Int64);

        x.ToString().ShouldBe("Int64[2, 3]");
        x.Dispose();
        x.ToString().ShouldBe("disposed tensor");
    }

    private static void RoundTrip<T>(T[] values, ScalarType type)
        where T : unmanaged
    {
        var tensor = Tensor.From<T>(values);
        tensor.ScalarType.ShouldBe(type);
        tensor.ToArray<T>().ShouldBe(values);
        (tensor.Count * type.ByteSize()).ShouldBe(
            values.Length * (typeof(T) == typeof(bool) ? 1 : System.Runtime.InteropServices.Marshal.SizeOf<T>()));
    }
}
