using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

/// <summary>Models whose weights have fewer bits.</summary>
public sealed class QuantizedWeightsTests : IDisposable
{
    private const string Matrix = "model.layers.1.mlp.down_proj.weight";

    private readonly TemporaryDirectory directory = new();
    private readonly RecordingReporter reporter = new();

    public void Dispose() => directory.Dispose();

    // [6, 5]: the scales, and for row 2 what each column is multiplied by.
    public static TheoryData<string, long[], long[]?, float[]> Forms => new()
    {
        { "_scale", [], null, [1, 1, 1, 1, 1] }, // one for the matrix
        { "_scale", [1], null, [1, 1, 1, 1, 1] },
        { "_scale_inv", [1, 1], [128, 128], [1, 1, 1, 1, 1] },
        { "_scale", [6], null, [3, 3, 3, 3, 3] }, // one for each row
        { "_scale", [6, 1], null, [3, 3, 3, 3, 3] },
        { "_scale", [6, 5], null, [11, 12, 13, 14, 15] }, // groups of one column
        { "_scale_inv", [3, 2], [2, 4], [3, 3, 3, 3, 4] }, // blocks of 2 × 4
        { "_scale_inv", [2, 3], [4, 2], [1, 1, 2, 2, 3] },
    };

    [Theory, MemberData(nameof(Forms))]
    public void Each_block_has_its_scale(string ending, long[] shape, long[]? block, float[] factors)
    {
        Write(TensorDtype.Float8E4M3, ending, shape, block);
        using var model = Checkpoint.Open(directory.Root, reporter);
        var row = new float[5];
        model.ReadFloat32(Matrix, 10, row);
        row.ShouldBe(factors);
        var (all, parts) = (new float[30], new float[30]);
        model.ReadFloat32(Matrix, all);
        for (var i = 0; i < 30; i += 3) model.ReadFloat32(Matrix, i, parts.AsSpan(i, 3));
        parts.ShouldBe(all);
        reporter.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void The_blocks_are_read_from_a_file_with_a_byte_order_mark()
    {
        Write(TensorDtype.Float8E4M3, "_scale_inv", [3, 2], [2, 4]);
        var config = directory[ModelConfig.FileName];
        System.IO.File.WriteAllText(config, "\uFEFF" + System.IO.File.ReadAllText(config));
        using var model = Checkpoint.Open(directory.Root, reporter);
        var row = new float[5];
        model.ReadFloat32(Matrix, 10, row);
        row.ShouldBe([3, 3, 3, 3, 4]);
    }

    [Fact]
    public void Powers_of_two_are_scales()
    {
        Write(TensorDtype.Float8E5M2, "_scale_inv", [6, 1], null, TensorDtype.Float8E8M0);
        using var model = Checkpoint.Open(directory.Root, reporter);
        var column = new float[1];
        model.ReadFloat32(Matrix, 10, column);
        column[0].ShouldBe(8f);  // row 2's scale is 2^3
    }

    [Theory]
    [InlineData(TensorDtype.Float8E4M3, new long[] { 6, 1 }, 2, 1e36f, 0x7E, "448 × 1E+36", "[2, 0]", "[2, 0]")]
    [InlineData(TensorDtype.Float8E5M2, new long[] { 6 }, 2, -1e34f, 0x7B, "57344 × -1E+34", "[2, 0]", "[2]")]
    [InlineData(TensorDtype.Float8E5M2, new long[] { }, 0, 1e34f, 0x7B, "57344 × 1E+34", "[0, 0]", "")]
    public void A_product_beyond_float32_is_refused(
        TensorDtype dtype, long[] shape, int place, float scale, byte bits, string product, string index, string scaleIndex)
    {
        Write(dtype, "_scale", shape);
        Patch(Matrix, 0, [.. Enumerable.Repeat(bits, 30)]);
        Patch($"{Matrix}_scale", place * sizeof(float), BitConverter.GetBytes(scale));
        Reading(index == "[0, 0]" ? 0 : 10).ShouldBe(
            $"{File}: tensor {Matrix}{index}: expected a product of at most 3.4028235E+38, found {product} "
            + $"({Matrix}_scale{scaleIndex}); "
            + "the scales are damaged or those of another copy; copy both again, or use the float model that it was made from");
    }

    [Fact]
    public void A_large_scale_of_small_numbers_is_read()
    {
        Write(TensorDtype.Float8E4M3, "_scale", [6, 1]);
        Patch($"{Matrix}_scale", 2 * sizeof(float), BitConverter.GetBytes(3e38f));
        using var model = Checkpoint.Open(directory.Root, reporter);
        var row = new float[5];
        model.ReadFloat32(Matrix, 10, row);
        row.ShouldBe([3e38f, 3e38f, 3e38f, 3e38f, 3e38f]);
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "Infinity")]
    public void A_scale_that_is_not_finite_is_named(float scale, string found)
    {
        Write(TensorDtype.Float8E4M3, "_scale", [6, 1]);
        Patch($"{Matrix}_scale", 2 * sizeof(float), BitConverter.GetBytes(scale));
        Reading(10).ShouldBe(
            $"{File}: tensor {Matrix}_scale[2, 0]: expected a finite scale, found {found}; the file is damaged; copy it "
            + "again, or use the float model that it was made from");
    }

    [Fact]
    public void Infinity_of_the_matrix_is_read()
    {
        Write(TensorDtype.Float8E5M2, "_scale", [6, 1]);
        Patch(Matrix, 10, [0x7C]);
        Patch($"{Matrix}_scale", 2 * sizeof(float), BitConverter.GetBytes(3e38f));
        using var model = Checkpoint.Open(directory.Root, reporter);
        var number = new float[1];
        model.ReadFloat32(Matrix, 10, number);
        number[0].ShouldBe(float.PositiveInfinity);
    }

    [Fact]
    public void Without_a_declared_dtype_the_others_decide_what_is_written()
    {
        Write(TensorDtype.Float8E4M3, "_scale", []);
        using var model = Checkpoint.Open(directory.Root, reporter);
        model.Dtype.ShouldBe(TensorDtype.Float32);
        model.DtypeOf(Matrix).ShouldBe(TensorDtype.Float8E4M3);
    }

    [Fact]
    public void Scales_of_activations_are_not_used()
    {
        Write(TensorDtype.Float8E4M3, "_scale", [], extra: "model.layers.1.mlp.down_proj.input_scale");
        Checkpoint.Open(directory.Root, reporter).Dispose();
        reporter.Warnings.ShouldBe(
            [$"{directory.Root}: model.layers.1.mlp.down_proj.input_scale and its like are not used: Bam does not quantise "
                + "activations"]);
    }

    [Fact]
    public void A_scale_is_found_without_looking_through_all()
    {
        var names = Enumerable.Range(0, 20_000).Select(i => $"model.layers.0.mlp.experts.{i}.weight").ToList();
        SafetensorsWriter.Write(
            File,
            [
                .. names.SelectMany(name => (TensorDeclaration[])
                    [new(name, TensorDtype.Float8E4M3, [1, 1]), new($"{name}_scale", TensorDtype.Float32, [1])]),
            ],
            (tensor, stream) => stream.Write(new byte[tensor.ByteLength]));
        using var shards = ShardSet.Open(directory.Root, reporter);
        // Searches through all scales would be 10¹¹ comparisons, and not end.
        const int times = 200;
        var count = 0;
        for (var i = 0; i < times; i++) count += shards.Tensors.Keys.Count(shards.IsScale);
        count.ShouldBe(times * names.Count);
    }

    [Fact]
    public void Scales_that_fit_no_blocks_are_refused()
    {
        Write(TensorDtype.Float8E4M3, "_scale_inv", [4, 2], [2, 4]);
        Refused().ShouldBe(
            $"{File}: tensor {Matrix}_scale_inv: expected scales of blocks of {Matrix} [6, 5], found F32 [4, 2]; Bam cannot "
            + "tell the blocks; use the float model that it was made from");
    }

    [Fact]
    public void Float8_without_scales_is_refused()
    {
        Write(TensorDtype.Float8E4M3, ending: null, []);
        Refused().ShouldBe(
            $"{File}: tensor {Matrix}: expected its scales beside it ({Matrix}_scale_inv or {Matrix}_scale), found F8_E4M3 "
            + "without; a quantised copy is wrong without its scales; use the float model that it was made from, or save it "
                + "with them");
    }

    [Theory]
    [InlineData(TensorDtype.Int8, "I8")]
    [InlineData(TensorDtype.Float8E4M3Fnuz, "F8_E4M3FNUZ")]
    public void Other_bits_with_scales_are_refused(TensorDtype dtype, string name)
    {
        Write(dtype, "_scale", [6, 1]);
        Refused().ShouldBe(
            $"{File}: tensor {Matrix}: expected floating-point weights, or float8 with scales, found {name} with "
            + $"{Matrix}_scale; Bam does not read this quantised form; use the float model that it was made from");
    }

    [Theory]
    [InlineData("model.layers.1.mlp.down_proj.qweight", "gptq", "gptq (GPTQ or AWQ)")]
    [InlineData("model.layers.1.mlp.down_proj.qzeros", "awq", "awq (GPTQ or AWQ)")]
    [InlineData("model.layers.1.mlp.down_proj.weight_packed", null, "compressed-tensors, packed")]
    [InlineData("model.layers.1.mlp.down_proj.biases", null, "MLX")]
    public void Other_forms_are_named(string tensor, string? method, string form)
    {
        Write(TensorDtype.Float32, ending: null, [], extra: tensor, method: method);
        Refused().ShouldBe(
            $"{File}: tensor {tensor}: expected floating-point weights, or float8 with scales, found weights quantised by "
            + $"{form}; "
            + "Bam does not read these; use the float model that it was made from, or a copy that the tool which made it "
                + "dequantised");
    }

    [Fact]
    public void Four_bits_of_bitsandbytes_are_named_with_the_command_that_converts_them()
    {
        Write(TensorDtype.Float32, ending: null, [], extra: $"{Matrix}.absmax");
        Refused().ShouldBe(
            $"{File}: tensor {Matrix}.absmax: expected floating-point weights, or float8 with scales, found weights quantised "
            + "by bitsandbytes in 4 bits; "
            + "Bam does not read these; use the float model that it was made from, or a float copy: python3 -c \"from "
                + "transformers import AutoModelForCausalLM as M; "
            + $"M.from_pretrained('{directory.Root}').dequantize().save_pretrained('{directory.Root}-float')\"");
    }

    [Fact]
    public void A_declaration_without_quantised_weights_is_warned_of()
    {
        Write(TensorDtype.Float32, ending: null, [], method: "bitsandbytes");
        Checkpoint.Open(directory.Root, reporter).Dispose();
        reporter.Warnings.ShouldBe(
            [$"{directory[ModelConfig.FileName]}: quantization_config is not applied: the weights are not quantised and are "
                + "read as they are stored"]);
    }

    [Theory]
    [InlineData(TensorDtype.Float8E4M3, "tensor model.layers.0.mlp.down_proj.weight (and 1 more): expected its scales beside it")]
    [InlineData(
        TensorDtype.Int8,
        "tensor model.layers.0.mlp.down_proj.weight (and 1 more): dtype: expected a floating-point dtype, found I8")]
    public void Tensors_of_one_fault_are_counted(TensorDtype dtype, string fault)
    {
        System.IO.File.WriteAllText(directory[ModelConfig.FileName], TinyModel.Dense.ToJson());
        SafetensorsWriter.Write(
            File,
            [.. ParameterTable.Of(TinyModel.Dense).Select(p => new TensorDeclaration(p.Name, DtypeOf(p), p.Shape))],
            (tensor, stream) => stream.Write(new byte[tensor.ByteLength]));
        Refused().ShouldStartWith($"{File}: {fault}");

        TensorDtype DtypeOf(ParameterInfo parameter) =>
            parameter.Name.EndsWith("down_proj.weight", StringComparison.Ordinal) ? dtype : TensorDtype.Float32;
    }

    [Fact]
    public void Tensors_of_another_form_are_counted()
    {
        System.IO.File.WriteAllText(directory[ModelConfig.FileName], TinyModel.Dense.ToJson());
        SafetensorsWriter.WriteFloat32(
            File,
            [
                .. Enumerable.Range(0, 18).Select(i =>
                    ($"model.layers.{i}.mlp.down_proj.qweight", new long[] { 1 }, (ReadOnlyMemory<float>)new float[1])),
            ]);
        Refused().ShouldStartWith(
            $"{File}: tensor model.layers.0.mlp.down_proj.qweight (and 17 more): expected floating-point weights");
    }

    private string File => directory[WeightSet.SingleFileName];

    private string Reading(long start)
    {
        using var model = Checkpoint.Open(directory.Root, reporter);
        return Should.Throw<InvalidInputException>(() => model.ReadFloat32(Matrix, start, new float[1])).Message;
    }

    /// <summary>Changes bytes of a tensor in the file.</summary>
    private void Patch(string tensor, int offset, byte[] bytes)
    {
        long start;
        using (var stored = SafetensorsFile.Open(File)) start = stored[tensor].Offset + offset;
        using var file = System.IO.File.OpenWrite(File);
        file.Position = start;
        file.Write(bytes);
    }

    private string Refused() =>
        Should.Throw<InvalidInputException>(() => Checkpoint.Open(directory.Root, reporter).Dispose()).Message;

    /// <summary>A model whose last matrix holds ones, with scales 1, 2, 3 …</summary>
    private void Write(
        TensorDtype dtype, string? ending, long[] shape, long[]? block = null, TensorDtype scaleDtype = TensorDtype.Float32,
        string? extra = null, string? method = null)
    {
        var json = JsonNode.Parse(TinyModel.Dense.ToJson())!.AsObject();
        if (block is not null || method is not null)
            json["quantization_config"] = new JsonObject
            {
                ["quant_method"] = method ?? "fp8",
                ["weight_block_size"] = block is null ? null : new JsonArray([.. block.Select(size => (JsonNode)size)]),
            };
        System.IO.File.WriteAllText(directory[ModelConfig.FileName], json.ToJsonString());
        List<TensorDeclaration> tensors =
        [
            .. ParameterTable.Of(TinyModel.Dense)
                .Select(p => new TensorDeclaration(p.Name, p.Name == Matrix ? dtype : TensorDtype.Float32, p.Shape)),
        ];
        if (ending is not null) tensors.Add(new($"{Matrix}{ending}", scaleDtype, shape));
        if (extra is not null) tensors.Add(new(extra, TensorDtype.Float32, [1]));
        SafetensorsWriter.Write(File, tensors, (tensor, stream) =>
        {
            var bytes = new byte[tensor.ByteLength];
            if (tensor.Name == Matrix) Array.Fill(bytes, dtype == TensorDtype.Float8E5M2 ? (byte)0x3C : (byte)0x38);
            else if (scaleDtype == TensorDtype.Float8E8M0 && tensor.Name.StartsWith(Matrix, StringComparison.Ordinal))
                bytes = [128, 129, 130, 131, 132, 133];
            else FloatConversion.FromFloat32(
                [.. Enumerable.Range(1, (int)tensor.Count).Select(i => (float)i)], TensorDtype.Float32, bytes);
            stream.Write(bytes);
        });
    }
}
