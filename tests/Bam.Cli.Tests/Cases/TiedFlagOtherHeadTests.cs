using System.Text.Json.Nodes;
using Bam.Checkpoints.Safetensors;
using Bam.Cli.Tests.Commands;
using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>config.json says that the head is tied, and the file holds another one: the embedding matrix times 1.5.</summary>
public sealed class TiedFlagOtherHeadTests : IDisposable
{
    private readonly CaseFiles files = new("tied-flag-other-head");

    private string Model => files["model"];

    private string Warning =>
        $"warning: {Model}: lm_head.weight is stored and differs from model.embed_tokens.weight, although tie_word_embeddings "
        + "is true; the model is read as untied, with both";

    public void Dispose() => files.Dispose();

    [Fact]
    public void Logits_are_those_of_the_stored_head()
    {
        var run = CommandLineRun.Of(
            "forward", Model, "--input", files["expected.safetensors"], "--output", files["out.safetensors"]);
        run.ShouldBeDone();
        run.Error.ShouldContain(Warning);
        Read(files["out.safetensors"], "logits").Zip(
            Read(files["expected.safetensors"], "logits"),
            (found, expected) => Math.Abs(found - expected)).Max().ShouldBeLessThan(1e-5f);
    }

    [Fact]
    public void Inspect_counts_the_head()
    {
        var run = CommandLineRun.Of("inspect", Model);
        run.ShouldBeDone();
        run.Output.ShouldContain("untied head");
        run.Output.ShouldContain("25,760");
        run.Error.ShouldContain(Warning);
    }

    [Fact]
    public void Cost_sees_the_same_sizes()
    {
        var run = CommandLineRun.Of("cost", Model, "--json");
        run.ShouldBeDone();
        run.Error.ShouldContain(Warning);
        run.Output.ShouldContain("25760");
    }

    [Theory]
    [InlineData("export MODEL --format llama --output OUT")]
    [InlineData("export MODEL --format hf --output OUT")]
    [InlineData("mix btx --seed MODEL --expert MODEL --output OUT")]
    [InlineData("mix btx --seed MODEL --expert MODEL --norm-topk --format mixtral --output OUT")]
    [InlineData("mix soup --seed MODEL --expert MODEL --output OUT")]
    public void What_is_written_keeps_the_head(string command)
    {
        var run = Run(command);
        run.ShouldBeDone();
        run.Error.ShouldContain(Warning);
        JsonNode.Parse(File.ReadAllText(files["out/config.json"]))!["tie_word_embeddings"]!.GetValue<bool>().ShouldBeFalse();
        Read(files["out/model.safetensors"], "lm_head.weight").ShouldBe(Read(files["model/model.safetensors"], "lm_head.weight"));
    }

    [Fact]
    public void A_gguf_file_has_an_output_matrix()
    {
        Run("export MODEL --format gguf --output OUT").ShouldBeDone();
        File.ReadAllBytes(files["out/model.gguf"]).AsSpan().IndexOf("output.weight"u8).ShouldBeGreaterThan(0);
    }

    [Fact]
    public void An_export_is_the_same_model()
    {
        Run("export MODEL --format hf --output OUT").ShouldBeDone();
        Run("inspect MODEL OUT").Output.ShouldContain("are the same");
    }

    [Fact]
    public void A_training_goes_on_with_both_matrices()
    {
        using (var writer = new IndexedDatasetWriter(files["text"], TokenType.UInt16))
        {
            writer.Append([.. Enumerable.Range(0, 200).Select(i => i * i % 160)]);
            writer.Complete();
        }

        File.WriteAllText(files["train.yaml"], $$"""
            model: {{Model}}
            data: [{domain: text, path: text}]
            output: run
            sequence_length: 16
            batch_size: 2
            steps: 2
            learning_rate: 1e-3
            device: cpu
            """);
        var run = CommandLineRun.Of("train", files["train.yaml"]);
        run.ShouldBeDone();
        run.Error.ShouldContain(Warning);
        JsonNode.Parse(File.ReadAllText(files["run/model/config.json"]))!["tie_word_embeddings"]!.GetValue<bool>()
            .ShouldBeFalse();
        foreach (var tensor in new[] { "model.embed_tokens.weight", "lm_head.weight" })
        {
            var (before, after) = (
                Read(files["model/model.safetensors"], tensor), Read(files["run/model/model.safetensors"], tensor));
            after.ShouldNotBe(before, tensor);
            before.Zip(after, (x, y) => Math.Abs(x - y)).Max().ShouldBeLessThan(0.01f, tensor);
        }

        var inspected = CommandLineRun.Of("inspect", files["run/model"]);
        inspected.Output.ShouldContain("untied head");
        inspected.Error.ShouldNotContain("warning");
    }

    [Fact]
    public void Beside_a_tied_model_it_makes_an_untied_mixture()
    {
        WriteModel("tied", tensor => tensor == "lm_head.weight" ? null : tensor);
        var run = Run("mix soup --seed TIED --expert MODEL --output OUT");
        run.ShouldBeDone();
        run.Error.ShouldContain(
            $"warning: {files["tied"]} has a tied head and {Model} one of its own: the mixture is untied, and the embeddings "
            + "of the former count as its head");
        var (embedding, head) = (
            Read(files["model/model.safetensors"], "model.embed_tokens.weight"),
            Read(files["model/model.safetensors"], "lm_head.weight"));
        Read(files["out/model.safetensors"], "lm_head.weight").ShouldBe(embedding.Zip(head, (x, y) => (x + y) / 2));
        Read(files["out/model.safetensors"], "model.embed_tokens.weight").ShouldBe(embedding);
    }

    [Fact]
    public void A_head_without_an_embedding_matrix_is_both()
    {
        WriteModel("tied", tensor => tensor == "lm_head.weight" ? null : tensor);
        WriteModel(
            "head-only",
            tensor => tensor == "model.embed_tokens.weight" ? "lm_head.weight" : tensor == "lm_head.weight" ? null : tensor);
        var run = Run("inspect TIED HEAD");
        run.ShouldBeDone();
        run.Output.ShouldContain("are the same");
        run.Error.ShouldNotContain("warning");
    }

    private CommandLineRun Run(string command) =>
        CommandLineRun.Of([.. command.Split(' ').Select(word => word switch
        {
            "MODEL" => Model,
            "TIED" => files["tied"],
            "HEAD" => files["head-only"],
            "OUT" => files["out"],
            _ => word,
        })]);

    /// <summary>Copies the model with its tensors renamed, or left out.</summary>
    private void WriteModel(string name, Func<string, string?> rename)
    {
        Directory.CreateDirectory(files[name]);
        File.Copy(files["model/config.json"], files[$"{name}/config.json"]);
        using var model = SafetensorsFile.Open(files["model/model.safetensors"]);
        SafetensorsWriter.WriteFloat32(
            files[$"{name}/model.safetensors"],
            [
                .. model.Tensors.Values.Where(tensor => rename(tensor.Name) is not null)
                    .Select(tensor => (rename(tensor.Name)!, tensor.Shape, (ReadOnlyMemory<float>)Read(model, tensor.Name))),
            ]);
    }

    private static float[] Read(string path, string tensor)
    {
        using var file = SafetensorsFile.Open(path);
        return Read(file, tensor);
    }

    private static float[] Read(SafetensorsFile file, string tensor)
    {
        var values = new float[file[tensor].Count];
        file.ReadFloat32(tensor, values);
        return values;
    }
}
