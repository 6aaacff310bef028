using System.Text.Json.Nodes;
using Bam.Checkpoints.Safetensors;

namespace Bam.Tests.Checkpoints.Adapters;

/// <summary>An adapter as PEFT writes it, made by hand: its settings, and tensors of random numbers.</summary>
internal sealed class AdapterSource
{
    public const string Prefix = "base_model.model.";

    private readonly List<(string Name, long[] Shape)> tensors = [];
    private readonly Dictionary<string, float[]> values = [];

    /// <summary><c>adapter_config.json</c>.</summary>
    public JsonObject Config { get; } = new()
    {
        ["peft_type"] = "LORA", ["task_type"] = "CAUSAL_LM", ["base_model_name_or_path"] = "someone/base", ["r"] = 2,
        ["lora_alpha"] = 3, ["lora_dropout"] = 0.05, ["bias"] = "none", ["fan_in_fan_out"] = false, ["inference_mode"] = true,
        ["init_lora_weights"] = true, ["target_modules"] = new JsonArray("q_proj"), ["modules_to_save"] = null,
        ["rank_pattern"] = new JsonObject(), ["alpha_pattern"] = new JsonObject(), ["use_dora"] = false,
        ["use_rslora"] = false, ["peft_version"] = "0.20.0",
    };

    /// <summary>The numbers of the tensors by name.</summary>
    public IReadOnlyDictionary<string, float[]> Values => values;

    public TensorDtype Dtype { get; init; } = TensorDtype.Float32;

    /// <summary>Sets a key of the settings.</summary>
    public AdapterSource With(string key, JsonNode? value)
    {
        Config[key] = value;
        return this;
    }

    /// <summary>A and B of a linear layer.</summary>
    public AdapterSource AddLinear(string module, int rows, int columns, int rank = 2) =>
        Add($"{Prefix}{module}.lora_A.weight", [rank, columns]).Add($"{Prefix}{module}.lora_B.weight", [rows, rank]);

    /// <summary>A and B of an embedding.</summary>
    public AdapterSource AddEmbedding(string module, int rows, int columns, int rank = 2) =>
        Add($"{Prefix}{module}.lora_embedding_A", [rank, rows]).Add($"{Prefix}{module}.lora_embedding_B", [columns, rank]);

    /// <summary>A tensor of numbers that depend on its name, unless they are given.</summary>
    public AdapterSource Add(string name, long[] shape, float[]? numbers = null)
    {
        if (numbers is null)
        {
            numbers = new float[shape.Aggregate(1L, (product, size) => product * size)];
            new RandomStream(17, name).FillNormal(numbers, 0.5);
        }

        tensors.Add((name, shape));
        var bytes = new byte[numbers.Length * Dtype.ByteSize];
        FloatConversion.FromFloat32(numbers, Dtype, bytes);
        var stored = new float[numbers.Length];
        FloatConversion.ToFloat32(Dtype, bytes, stored);
        values[name] = stored;
        return this;
    }

    /// <summary>Writes the adapter's directory, with names changed as asked.</summary>
    public string Write(string directory, Func<string, string>? rename = null)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "adapter_config.json"), Config.ToJsonString());
        SafetensorsWriter.Write(
            Path.Combine(directory, "adapter_model.safetensors"),
            [.. tensors.Select(tensor => new TensorDeclaration(Renamed(tensor.Name), Dtype, tensor.Shape))],
            (declaration, stream) =>
            {
                var numbers = values[tensors.Single(tensor => Renamed(tensor.Name) == declaration.Name).Name];
                var bytes = new byte[numbers.Length * Dtype.ByteSize];
                FloatConversion.FromFloat32(numbers, Dtype, bytes);
                stream.Write(bytes);
            });
        return directory;

        string Renamed(string name) => rename is null ? name : rename(name);
    }

    /// <summary>W + s·(B·A) of a linear layer, the plainest way.</summary>
    public float[] Merge(string module, float[] weight, int rows, int columns, float scale, int rank = 2)
    {
        var (a, b) = (values[$"{Prefix}{module}.lora_A.weight"], values[$"{Prefix}{module}.lora_B.weight"]);
        return Merge(weight, rows, columns, scale, rank, (i, k) => b[(i * rank) + k], (k, j) => a[(k * columns) + j]);
    }

    /// <summary>W + s·(B·A)ᵀ of an embedding.</summary>
    public float[] MergeEmbedding(string module, float[] weight, int rows, int columns, float scale, int rank = 2)
    {
        var (a, b) = (values[$"{Prefix}{module}.lora_embedding_A"], values[$"{Prefix}{module}.lora_embedding_B"]);
        return Merge(weight, rows, columns, scale, rank, (i, k) => a[(k * rows) + i], (k, j) => b[(j * rank) + k]);
    }

    private static float[] Merge(
        float[] weight, int rows, int columns, float scale, int rank, Func<int, int, float> left, Func<int, int, float> right)
    {
        var merged = new float[weight.Length];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                var sum = 0f;
                for (var k = 0; k < rank; k++)
                {
                    var product = left(i, k) * right(k, j);
                    sum += product;
                }

                var scaled = sum * scale;
                merged[(i * columns) + j] = weight[(i * columns) + j] + scaled;
            }
        }

        return merged;
    }
}
