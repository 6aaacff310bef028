using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Models;
using Bam.Tests.Upcycling;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Families;

/// <summary>Models whose config.json says that the head is tied, and whose file stores one.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class TiedHeadTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly RecordingReporter reporter = new();

    /// <summary>The untied models of other libraries, and the name of the head and the embeddings there.</summary>
    public static TheoryData<string, string, string> Untied => new()
    {
        { "gpt-neox-pythia", "embed_out.weight", "gpt_neox.embed_in.weight" },
        { "gptj", "lm_head.weight", "transformer.wte.weight" },
        { "llama-gqa", "lm_head.weight", "model.embed_tokens.weight" },
        { "mistral-sliding", "lm_head.weight", "model.embed_tokens.weight" },
        { "mixtral-top2", "lm_head.weight", "model.embed_tokens.weight" },
        { "phi", "lm_head.weight", "model.embed_tokens.weight" },
        { "qwen3-qknorm", "lm_head.weight", "model.embed_tokens.weight" },
    };

    public void Dispose() => directory.Dispose();

    [Theory, MemberData(nameof(Untied))]
    public void A_head_that_differs_is_the_models(string name, string head, string embedding)
    {
        Copy(name, isTied: true);
        using var results = new TemporaryDirectory();
        var (input, output) = (Path.Combine(Fixtures.HuggingFaceModel(name), "expected.safetensors"), results["out.safetensors"]);
        ForwardPass.Run(directory.Root, input, output, withGradients: false, Device.Cpu, reporter);
        Values(output, "logits").Zip(Values(input, "logits"), (x, y) => Math.Abs(x - y)).Max().ShouldBeLessThan(1e-4f);
        reporter.Warnings.Distinct().ShouldBe([Warning(head, embedding)]);
        reporter.Warnings.Clear();
        ModelConfigReader.Load(directory.Root, reporter).TieWordEmbeddings.ShouldBeFalse();
        reporter.Warnings.ShouldBe([Warning(head, embedding)]);
    }

    [Theory, MemberData(nameof(Untied))]
    public void A_head_that_is_equal_stays_tied(string name, string head, string embedding)
    {
        Copy(name, isTied: true, tensors => tensors[head] = tensors[embedding]);
        Open().ShouldBeTrue();
        reporter.Warnings.ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Untied))]
    public void One_stored_matrix_is_both(string name, string head, string embedding)
    {
        Copy(name, isTied: true, tensors => tensors.Remove(embedding));
        Open().ShouldBeTrue();
        Copy(name, isTied: true, tensors => tensors.Remove(head));
        Open().ShouldBeTrue();
        reporter.Warnings.ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Untied))]
    public void A_head_of_another_shape_is_refused(string name, string head, string embedding)
    {
        _ = embedding;
        Copy(name, isTied: true, tensors => tensors[head] = ([3], new float[3]));
        Should.Throw<InvalidInputException>(() => { Open(); }).Message.ShouldBe(
            $"{directory[WeightSet.SingleFileName]}: tensor {head}: shape: expected [160, 32], as "
            + $"{directory[ModelConfig.FileName]} says, found [3]; is config.json that of another model?");
    }

    [Theory, MemberData(nameof(Untied))]
    public void Without_the_flag_a_missing_head_is_refused(string name, string head, string embedding)
    {
        _ = embedding;
        Copy(name, isTied: false, tensors => tensors.Remove(head));
        Should.Throw<InvalidInputException>(() => { Open(); }).Message.ShouldContain($"tensor {head}: expected [160, 32], as ");
    }

    [Fact]
    public void A_head_of_nan_differs()
    {
        Copy(
            "llama-gqa", isTied: true,
            tensors => tensors["lm_head.weight"] = ([160, 32], [.. Enumerable.Repeat(float.NaN, 160 * 32)]));
        Open().ShouldBeFalse();
        reporter.Warnings.ShouldBe([Warning("lm_head.weight", "model.embed_tokens.weight")]);
    }

    [Fact]
    public void A_head_of_integers_is_refused()
    {
        TinyModel.Write(directory.Root, TinyModel.Dense, seed: 1);
        WriteOwn(TensorDtype.Int8);
        Should.Throw<InvalidInputException>(() => { Open(); })
            .Message.ShouldContain("tensor lm_head.weight: dtype: expected a floating-point dtype, found I8");
    }

    [Fact]
    public void Our_own_format_is_read_alike()
    {
        TinyModel.Write(directory.Root, TinyModel.Dense, seed: 1);
        WriteOwn(TensorDtype.Float32);
        Open().ShouldBeFalse();
        reporter.Warnings.ShouldBe([Warning("lm_head.weight", "model.embed_tokens.weight")]);
    }

    [Fact]
    public void Sizes_alone_need_no_weights()
    {
        TinyModel.Dense.Save(directory.Root);
        ModelConfigReader.Load(directory.Root, reporter).ShouldBe(TinyModel.Dense);
        File.WriteAllText(directory[WeightSet.SingleFileName], "version https://git-lfs.github.com/spec/v1");
        ModelConfigReader.Load(directory.Root, reporter).ShouldBe(TinyModel.Dense);
    }

    private string Warning(string head, string embedding) =>
        $"{directory.Root}: {head} is stored and differs from {embedding}, although tie_word_embeddings is true; the model is "
        + "read as untied, with both";

    /// <summary>Whether the head is tied.</summary>
    private bool Open()
    {
        using var checkpoint = Checkpoint.Open(directory.Root, reporter);
        return checkpoint.Config.TieWordEmbeddings;
    }

    private static void Copy(string source, string target)
    {
        var json = JsonNode.Parse(File.ReadAllText(source))!.AsObject();
        json["tie_word_embeddings"] = true;
        File.WriteAllText(target, json.ToJsonString());
    }

    private void Copy(string name, bool isTied, Action<Dictionary<string, (long[] Shape, float[] Values)>>? change = null)
    {
        var source = Fixtures.HuggingFaceModel(name);
        var config = Path.Combine(source, ModelConfig.FileName);
        if (isTied) Copy(config, directory[ModelConfig.FileName]);
        else File.WriteAllBytes(directory[ModelConfig.FileName], File.ReadAllBytes(config));
        using var file = SafetensorsFile.Open(Path.Combine(source, WeightSet.SingleFileName));
        var tensors = file.Tensors.Values.ToDictionary(
            tensor => tensor.Name, tensor => (tensor.Shape, Values(file.Path, tensor.Name)));
        change?.Invoke(tensors);
        SafetensorsWriter.WriteFloat32(
            directory[WeightSet.SingleFileName],
            [.. tensors.Select(pair => (pair.Key, pair.Value.Shape, (ReadOnlyMemory<float>)pair.Value.Item2))]);
    }

    private void WriteOwn(TensorDtype headType)
    {
        var parameters = ParameterTable.Of(TinyModel.Dense with { TieWordEmbeddings = false });
        SafetensorsWriter.Write(
            directory[WeightSet.SingleFileName],
            [
                .. parameters.Select(
                    p => new TensorDeclaration(p.Name, p.Kind == ParameterKind.Head ? headType : TensorDtype.Float32, p.Shape)),
            ],
            (tensor, stream) =>
            {
                var bytes = new byte[tensor.ByteLength];
                Array.Fill(bytes, tensor.Name == ParameterTable.Head ? (byte)1 : (byte)0);
                stream.Write(bytes);
            });
    }

    private static float[] Values(string path, string name)
    {
        using var file = SafetensorsFile.Open(path);
        var values = new float[file[name].Count];
        file.ReadFloat32(name, values);
        return values;
    }
}
