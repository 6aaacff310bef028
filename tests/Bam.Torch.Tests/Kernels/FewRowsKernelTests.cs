using System.Runtime.Intrinsics;
using Bam.Torch.Functions;
using Bam.Torch.Kernels;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Kernels;

public sealed unsafe class FewRowsKernelTests : TorchTest
{
    [SkippableTheory]
    [InlineData(1, 16, 16)]
    [InlineData(1, 144, 48)]
    [InlineData(5, 32, 64)]
    [InlineData(6, 272, 80)]
    [InlineData(13, 128, 1040)]
    [InlineData(7, 32, 2064)]
    public void Products_are_those_of_matmul_and_each_row_is_what_it_is_alone(int rows, int outputs, int depth)
    {
        Skip.IfNot(SmallGemm.IsSupported, "the processor has no AVX2");
        using var scope = TensorScope.Open();
        var (x, w) = (Numbers(rows, depth, 1), Numbers(outputs, depth, 2));
        var transposed = w.Transpose(0, 1).Contiguous();
        var expected = x.MatMul(transposed);
        foreach (var byColumns in new[] { false, true })
        {
            var product = Multiply(x, byColumns ? transposed : w, outputs, byColumns);
            (product - expected).Abs().Max().Item<float>().ShouldBeLessThan(1e-4f);
            for (var row = 0; row < rows; row++)
            {
                var alone = Multiply(x.Narrow(0, row, 1).Contiguous(), byColumns ? transposed : w, outputs, byColumns);
                product.Select(0, row).ToArray<float>().ShouldBe(alone.ToArray<float>());
            }
        }
    }

    [SkippableTheory]
    [InlineData(5, 1, 64)]
    [InlineData(6, 3, 80)]
    [InlineData(13, 4, 48)]
    [InlineData(7, 5, 64)]
    [InlineData(9, 6, 48)]
    [InlineData(10, 11, 1040)]
    [InlineData(9, 1043, 32)]
    [InlineData(160, 33, 2064)]
    [InlineData(160, 899, 2064)]
    public void A_matrix_by_rows_may_have_any_number_of_them(int rows, int outputs, int depth)
    {
        Skip.IfNot(SmallGemm.IsSupported, "the processor has no AVX2");
        using var scope = TensorScope.Open();
        var (x, w) = (Numbers(rows, depth, 1), Numbers(outputs, depth, 2));
        var product = Multiply(x, w, outputs, byColumns: false);
        (product - x.MatMul(w.Transpose(0, 1))).Abs().Max().Item<float>().ShouldBeLessThan(1e-4f);
        for (var row = 0; row < rows; row++)
        {
            Multiply(x.Narrow(0, row, 1).Contiguous(), w, outputs, byColumns: false).ToArray<float>()
                .ShouldBe(product.Select(0, row).ToArray<float>());
        }
    }

    // As a file's matrices may be that are mapped.
    [SkippableTheory]
    [InlineData(1, 37, 80)]
    [InlineData(7, 37, 80)]
    [InlineData(70, 29, 2064)]
    public void A_matrix_may_begin_anywhere(int rows, int outputs, int depth)
    {
        Skip.IfNot(SmallGemm.IsSupported, "the processor has no AVX2");
        using var scope = TensorScope.Open();
        var (x, w) = (Numbers(rows, depth, 1), Numbers(outputs, depth, 2));
        var expected = Multiply(x, w, outputs, byColumns: false).ToArray<float>();
        foreach (var offset in new[] { 1, 2, 8 })
        {
            var moved = Tensor.Zeros([offset + w.Count], ScalarType.Float32, Device.Cpu)
                .Narrow(0, offset, w.Count).View(outputs, depth);
            moved.Copy_(w);
            Multiply(x, moved, outputs, byColumns: false).ToArray<float>().ShouldBe(expected);
        }
    }

    [SkippableTheory]
    [InlineData(new long[] { 3, 0, 1, 7 })]
    [InlineData(new long[] { 200, 1, 0, 30 })]
    public void Groups_of_rows_are_multiplied_by_a_matrix_each(long[] counts)
    {
        Skip.IfNot(SmallGemm.IsSupported, "the processor has no AVX2");
        using var scope = TensorScope.Open();
        var x = Numbers((int)counts.Sum(), 80, 1);
        var matrices = Enumerable.Range(2, counts.Length).Select(seed => Numbers(37, 80, seed)).ToArray();
        using var noGrad = NoGrad.Enter();
        Parameter[] parameters = [.. matrices.Select(matrix => new Parameter(matrix, matrix))];
        GroupedLinear.Supports(x, counts, parameters[0]).ShouldBeTrue();
        var products = GroupedLinear.Apply(x, counts, parameters);
        var first = 0L;
        for (var group = 0; group < counts.Length; first += counts[group++])
        {
            if (counts[group] == 0) continue;
            var alone = Multiply(x.Narrow(0, first, counts[group]).Contiguous(), matrices[group], 37, byColumns: false);
            products.Narrow(0, first, counts[group]).ToArray<float>().ShouldBe(alone.ToArray<float>());
        }
    }

    [SkippableTheory]
    [InlineData(1, 144, 48)]
    [InlineData(1, 3, 48)]
    [InlineData(2, 272, 80)]
    [InlineData(3, 32, 64)]
    [InlineData(13, 128, 1040)]
    [InlineData(7, 32, 2064)]
    public void Narrow_weights_give_what_their_float32_gives(int rows, int outputs, int depth)
    {
        Skip.IfNot(SmallGemm.IsSupported, "the processor has no AVX2");
        using var scope = TensorScope.Open();
        var (x, w) = (Numbers(rows, depth, 1), Numbers(outputs, depth, 2));
        foreach (var type in new[] { ScalarType.BFloat16, ScalarType.Float16 })
        {
            var narrow = w.To(type);
            Multiply(x, narrow, outputs, byColumns: false).ToArray<float>()
                .ShouldBe(Multiply(x, narrow.To(ScalarType.Float32), outputs, byColumns: false).ToArray<float>());
            if (outputs % 16 != 0) continue;
            narrow = narrow.Transpose(0, 1).Contiguous();
            Multiply(x, narrow, outputs, byColumns: true).ToArray<float>()
                .ShouldBe(Multiply(x, narrow.To(ScalarType.Float32), outputs, byColumns: true).ToArray<float>());
        }
    }

    [SkippableFact]
    public void Every_number_of_16_bits_is_widened_exactly()
    {
        Skip.IfNot(SmallGemm.IsSupported, "the processor has no AVX2");
        var bits = Enumerable.Range(0, 1 << 16).Select(value => (ushort)value).ToArray();
        Require<Float16Weight>(value => (float)BitConverter.UInt16BitsToHalf(value));
        Require<BFloat16Weight>(value => BitConverter.UInt32BitsToSingle((uint)value << 16));

        void Require<TWeight>(Func<ushort, float> expected)
            where TWeight : unmanaged, IStoredWeight<TWeight>
        {
            RequireBy<NarrowVector, TWeight>(expected);
            RequireBy<PairedVector, TWeight>(expected);
            if (Vector512.IsHardwareAccelerated) RequireBy<WideVector, TWeight>(expected);
        }

        void RequireBy<TVector, TWeight>(Func<ushort, float> expected)
            where TVector : struct, IVector<TVector>
            where TWeight : unmanaged, IStoredWeight<TWeight>
        {
            var values = new float[bits.Length];
            fixed (ushort* from = bits)
            fixed (float* to = values)
                Widening.Widen<TVector, TWeight>((TWeight*)from, to, bits.Length);
            for (var i = 0; i < bits.Length; i++)
            {
                if (float.IsNaN(expected(bits[i]))) float.IsNaN(values[i]).ShouldBeTrue($"{bits[i]:x}");
                else BitConverter.SingleToInt32Bits(values[i]).ShouldBe(BitConverter.SingleToInt32Bits(expected(bits[i])));
            }
        }
    }

    private static Tensor Multiply(Tensor x, Tensor w, int outputs, bool byColumns)
    {
        // One of several groups may have more rows than a matrix alone.
        var rowsOfMatrix = Math.Min(x.Size(0), FewRowsKernel.MaxRows);
        (byColumns ? FewRowsKernel.SupportsColumns(x, w) : FewRowsKernel.Supports(x, w, rowsOfMatrix)).ShouldBeTrue();
        var y = Tensor.Zeros([x.Size(0), outputs], ScalarType.Float32, Device.Cpu);
        var (rows, depth) = ((int)x.Size(0), (int)x.Size(1));
        if (byColumns)
        {
            FewRowsKernel.MultiplyByColumns(
                (float*)x.DataPointer, w.DataPointer, w.ScalarType, (float*)y.DataPointer, rows, outputs, depth);
        }
        else
        {
            FewRowsKernel.MultiplyByRows(
                (float*)x.DataPointer, w.DataPointer, w.ScalarType, (float*)y.DataPointer, rows, outputs, depth);
        }

        return y;
    }

    private static Tensor Numbers(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        return Tensor.From<float>(
            [.. Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() - 0.5f)], [rows, columns], Device.Cpu);
    }
}
