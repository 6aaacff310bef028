using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>Each kind of damage to a checkpoint costs whoever mixes it one line and status 2.</summary>
public sealed class DamagedCheckpointTests : IDisposable
{
    private static readonly string Dense = RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel");

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public DamagedCheckpointTests()
    {
        // Shards of its own making, so that there is an index to damage.
        CommandLineRun.Of(
            "mix", "soup", "--seed", Dense, "--expert", Dense, "--output", Model, "--shard-size", "50kB").Status.ShouldBe(0);
        Shards.Length.ShouldBeGreaterThan(1);
    }

    private string Model => Path.Combine(root, "model");

    private string Index => Path.Combine(Model, "model.safetensors.index.json");

    private string[] Shards => [.. Directory.GetFiles(Model, "*.safetensors").Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Whole_it_can_be_mixed() => Mix().Status.ShouldBe(0);

    [Fact]
    public void A_missing_shard()
    {
        var shard = Shards[1];
        File.Delete(shard);
        Refused().ShouldBe(
            $"{Index}: expected the shard {Path.GetFileName(shard)}, found no such file; copy it beside the index");
    }

    [Fact]
    public void An_index_that_names_a_tensor_no_shard_has()
    {
        var shard = Path.GetFileName(Shards[0]);
        Edit(Index, index => index["weight_map"]!["model.extra.weight"] = shard);
        Refused().ShouldBe(
            $"{Index}: tensor model.extra.weight: expected it in {shard}, found no shard that has it; copy the index and the "
            + "shards again");
    }

    [Fact]
    public void Overlapping_offsets()
    {
        var header = ReadHeader(Shards[^1]);
        var (first, second) = (
            header.Where(entry => entry.Key != "__metadata__").ElementAt(0),
            header.Where(entry => entry.Key != "__metadata__").ElementAt(1));
        var end = first.Value!["data_offsets"]![1]!.GetValue<long>();
        var length = second.Value!["data_offsets"]![1]!.GetValue<long>() - end;
        header[second.Key]!["data_offsets"] = new JsonArray(end - 4, end - 4 + length);
        WriteHeader(Shards[^1], header);
        Refused().ShouldBe(
            $"{Shards[^1]}: tensor {second.Key}: data_offsets: expected a begin of {end}, found {end - 4}, inside {first.Key}; "
            + "the file is damaged, copy or convert it again");
    }

    [Fact]
    public void A_shape_that_is_not_the_configurations()
    {
        var config = Path.Combine(Model, "config.json");
        Edit(config, settings => settings["intermediate_size"] = 8);
        Refused().ShouldMatch(
            "tensor model.layers.0.mlp.gate_proj.weight: shape: expected \\[8, [0-9]+\\], as .*config.json says, found "
            + "\\[[0-9]+, [0-9]+\\]; is config.json that of another model\\?$");
    }

    [Fact]
    public void A_number_that_is_not_finite()
    {
        var shard = Shards[^1];
        var tensor = ReadHeader(shard).First(entry => entry.Key != "__metadata__");
        var position = DataStart(shard) + (sizeof(float) * 3);
        using (var stream = File.OpenWrite(shard))
        {
            stream.Position = position;
            stream.Write(BitConverter.GetBytes(float.NaN));
        }

        Refused("--check-finite").ShouldMatch(
            $"^{shard}: tensor {tensor.Key}: element \\[(0, )?3\\]: expected a finite number, found NaN; the file is damaged "
            + "or the model diverged; use an older checkpoint$");
    }

    [Fact]
    public void A_family_that_is_not_known()
    {
        Edit(Path.Combine(Model, "config.json"), settings => settings["model_type"] = "rwkv");
        Refused().ShouldContain("rwkv");
    }

    private string Refused(params string[] options)
    {
        var run = Mix(options);
        run.Status.ShouldBe(2);
        run.Output.ShouldBeEmpty();
        Directory.Exists(Path.Combine(root, "mixture")).ShouldBeFalse();
        // Progress and warnings may come before it; the failure itself is the last line and the only one of its kind.
        var lines = run.Error.TrimEnd('\n').Split('\n');
        lines.Count(line => line.StartsWith("bam: ", StringComparison.Ordinal)).ShouldBe(1);
        lines[^1].ShouldStartWith("bam: ");
        return lines[^1]["bam: ".Length..];
    }

    private CommandLineRun Mix(params string[] options) =>
        CommandLineRun.Of(
            ["mix", "btx", "--seed", Dense, "--expert", Model, "--output", Path.Combine(root, "mixture"), .. options]);

    private static void Edit(string path, Action<JsonNode> change)
    {
        var node = JsonNode.Parse(File.ReadAllText(path))!;
        change(node);
        File.WriteAllText(path, node.ToJsonString());
    }

    private static long DataStart(string shard) => 8 + (long)BinaryPrimitives.ReadUInt64LittleEndian(File.ReadAllBytes(shard));

    private static JsonObject ReadHeader(string shard) =>
        JsonNode.Parse(File.ReadAllBytes(shard).AsSpan(8, (int)DataStart(shard) - 8))!.AsObject();

    private static void WriteHeader(string shard, JsonObject header)
    {
        var data = File.ReadAllBytes(shard)[(int)DataStart(shard)..];
        var json = Encoding.UTF8.GetBytes(header.ToJsonString());
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        File.WriteAllBytes(shard, [.. length, .. json, .. data]);
    }
}
