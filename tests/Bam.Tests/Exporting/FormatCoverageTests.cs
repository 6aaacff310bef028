using System.Globalization;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Configuration;
using Bam.Exporting;
using Bam.Exporting.Gguf;
using Bam.Exporting.Limits;
using Bam.Tests.Models;
using Shouldly;
using Xunit;

namespace Bam.Tests.Exporting;

/// <summary>
/// No format ignores a setting: every key of the configuration that changes results is changed alone, in a model of every form,
/// and each format either writes the new value or refuses the model.
/// </summary>
public sealed class FormatCoverageTests
{
    private static readonly ModelConfig Llama = TinyModels.Dense with
    {
        ParallelBlock = false, NormType = NormType.RmsNorm, TieWordEmbeddings = false, NumHiddenLayers = 4, NumKeyValueHeads = 2,
    };

    private static readonly ModelConfig Experts = Llama with { NumLocalExperts = 4, NumExpertsPerTok = 2, NormTopkProb = true };

    private static readonly Dictionary<string, ModelConfig> Models = new()
    {
        ["llama"] = Llama,
        ["mistral"] = Llama with { SlidingWindow = 8 },
        ["yarn"] = Llama with
        {
            RopeScaling = new(RopeScalingType.Yarn, 4) { OriginalMaxPositionEmbeddings = 8, BetaFast = 32, BetaSlow = 1 },
        },
        ["mixtral"] = Experts,
        ["qwen2"] = Llama with { AttentionBias = true },
        ["qwen3"] = Llama with { QueryKeyNorm = QueryKeyNorm.Shared },
        ["qwen2_moe"] = Experts with { AttentionBias = true, NormTopkProb = false },
        ["qwen2_moe of its own"] = Experts with { AttentionBias = true, NormTopkProb = false, SharedExpertIntermediateSize = 16 },
        ["qwen3_moe"] = Experts with { QueryKeyNorm = QueryKeyNorm.Shared },
        ["olmoe"] = Experts with { QueryKeyNorm = QueryKeyNorm.AllHeads, NormTopkProb = false },
        ["olmo2"] = Llama with { QueryKeyNorm = QueryKeyNorm.AllHeads, NormPlacement = NormPlacement.Output },
        ["gemma2"] = Gemma(Llama) with { AttnLogitSoftcapping = 50, FinalLogitSoftcapping = 30 },
        ["gemma3"] = Gemma(Llama) with { QueryKeyNorm = QueryKeyNorm.Shared, RopeLocalBaseFreq = 1000 },
        ["granite"] = Llama with
        {
            EmbeddingMultiplier = 12, AttentionMultiplier = 0.1, ResidualMultiplier = 0.2, LogitScale = 0.1,
        },
        ["granitemoe"] = Experts with { EmbeddingMultiplier = 12 },
        ["smollm3"] = Llama with { NoRopeLayers = [1, 1, 1, 0] },
        ["starcoder2"] = Llama with
        {
            NormType = NormType.LayerNorm, NormBias = true, GatedMlp = false, HiddenAct = "gelu_new", MlpBias = true,
            AttentionBias = true, AttentionOutputBias = true,
        },
        ["phi3"] = Llama with { PartialRotaryFactor = 0.5 },
        ["ministral3"] = Llama with
        {
            RopeScaling = new(RopeScalingType.Yarn, 4)
            {
                OriginalMaxPositionEmbeddings = 8, BetaFast = 32, BetaSlow = 1, Llama4ScalingBeta = 0.1,
            },
        },
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    [Theory, MemberData(nameof(Names))]
    public void A_setting_is_written_or_refused_by_every_form(string name)
    {
        var written = 0;
        foreach (var form in ExportFormats.Forms.OfType<FamilyFormat>())
        {
            foreach (var config in Variants(Models[name]))
            {
                try
                {
                    form.Require(config, "model");
                }
                catch (InvalidInputException)
                {
                    continue;
                }

                written++;
                using var directory = new TemporaryDirectory();
                form.WriteSettings(config, directory[""], SilentReporter.Instance);
                var read = ModelConfigReader.Load(directory[""], SilentReporter.Instance);
                FeatureWords.FirstDifference(form.Complete(config), read).ShouldBeNull($"{form.Name}: {config.ToJson()}");
            }
        }

        string[] unknownToTransformers = ["gemma2", "gemma3", "granite", "granitemoe", "smollm3", "starcoder2", "phi3", "olmo2"];
        if (!unknownToTransformers.Contains(name) && name is not ("qwen2" or "qwen3" or "ministral3"))
            written.ShouldBeGreaterThan(0, "the model itself has a form");
    }

    [Theory, MemberData(nameof(Names))]
    public void A_setting_is_written_or_refused_by_gguf(string name)
    {
        var model = Models[name];
        GgufArchitecture.Of(model, "model", "gguf").Obstacle(model).ShouldBeNull();
        var unchanged = HeaderOf(model);
        foreach (var config in Variants(model))
        {
            try
            {
                GgufArchitecture.Of(config, "model", "gguf");
            }
            catch (InvalidInputException)
            {
                continue;
            }

            if (IsTheSameWithinTheContext(config, model)) continue;
            (HeaderOf(config) == unchanged).ShouldBeFalse(
                string.Join("; ", ModelConfigComparison.Differences(model, config).Select(found => $"{found}")));
        }
    }

    [Fact]
    public void Every_key_that_changes_results_is_varied()
    {
        foreach (var key in ModelConfigJson.Keys.Where(key => key.Attribute.ChangesResult))
            ValuesOf(key, Llama).ShouldNotBeEmpty(key.Name);
    }

    private static ModelConfig Gemma(ModelConfig config) => config with
    {
        NormPlacement = NormPlacement.Both, NormUnitOffset = true, HiddenAct = "gelu_new", TieWordEmbeddings = true,
        EmbeddingMultiplier = Math.Sqrt(config.HiddenSize), AttentionMultiplier = 1 / Math.Sqrt(config.HeadDim),
        SlidingWindow = 8,
        LayerTypes = [.. Enumerable.Range(0, 4).Select(i => i % 2 == 0 ? LayerType.SlidingAttention : LayerType.FullAttention)],
    };

    /// <summary>Windows that the architecture does not have, and dynamic scaling, begin beyond the context.</summary>
    private static bool IsTheSameWithinTheContext(ModelConfig config, ModelConfig model)
    {
        var architecture = GgufArchitecture.Of(config, "model", "gguf");
        var withoutWindow = architecture.WindowPeriod(config) is null
            ? config with { LayerTypes = model.LayerTypes }
            : config;
        var withoutDynamic = config.RopeScaling is { Type: RopeScalingType.Dynamic }
            ? withoutWindow with { RopeScaling = model.RopeScaling }
            : withoutWindow;
        return FeatureWords.FirstDifference(withoutDynamic, model) is null;
    }

    /// <summary>The valid configurations that differ from a model in one key.</summary>
    private static IEnumerable<ModelConfig> Variants(ModelConfig model)
    {
        foreach (var key in ModelConfigJson.Keys.Where(key => key.Attribute.ChangesResult))
        {
            foreach (var value in ValuesOf(key, model))
            {
                var config = model with { };
                key.Set(config, value);
                // A list of dense layers needs their width.
                if (key.Property.Name == nameof(ModelConfig.MlpOnlyLayers)) config = config with { DenseIntermediateSize = 24 };
                if (FeatureWords.FirstDifference(config, model) is null) continue;
                try
                {
                    config.Validate("model");
                }
                catch (InvalidInputException)
                {
                    continue;
                }

                yield return config;
            }
        }
    }

    private static IReadOnlyList<object?> ValuesOf(ConfigKey key, ModelConfig model)
    {
        var current = key.Get(model);
        return key.Property.Name switch
        {
            nameof(ModelConfig.LayerTypes) => [(ValueList<LayerType>)[.. Enumerable.Range(0, model.NumHiddenLayers).Select(
                layer => layer == 1 ? LayerType.SlidingAttention : LayerType.FullAttention)]],
            nameof(ModelConfig.NoRopeLayers) => [(ValueList<int>)[1, 0, 1, 1]],
            nameof(ModelConfig.MlpOnlyLayers) => [(ValueList<int>)[1]],
            nameof(ModelConfig.HiddenAct) => ["silu", "gelu", "gelu_new"],
            nameof(ModelConfig.RopeScaling) => [.. Scalings(model.RotaryDim)],
            _ => Another(key.Property.PropertyType, current),
        };
    }

    private static IReadOnlyList<object?> Another(Type type, object? current)
    {
        if (type.IsEnum) return [.. Enum.GetValues(type).Cast<object?>()];
        if (type == typeof(bool)) return [!(bool)current!];
        if (type == typeof(int)) return [(int)current! + 1, (int)current * 2];
        if (type == typeof(int?)) return [null, ((int?)current ?? 8) + 1];
        if (type == typeof(double)) return [(double)current! / 2, (double)current * 2];
        if (type == typeof(double?)) return [null, ((double?)current ?? 1) * 2];
        throw new InvalidOperationException($"give {type} values that differ");
    }

    private static IEnumerable<object?> Scalings(int rotaryDim)
    {
        var yarn = new RopeScaling(RopeScalingType.Yarn, 4) { OriginalMaxPositionEmbeddings = 8, BetaFast = 32, BetaSlow = 1 };
        var longrope = new RopeScaling(RopeScalingType.Longrope, 4)
        {
            OriginalMaxPositionEmbeddings = 8, AttentionFactor = 1.5,
            ShortFactor = [.. Enumerable.Repeat(1.5, rotaryDim / 2)], LongFactor = [.. Enumerable.Repeat(2.5, rotaryDim / 2)],
        };
        return
        [
            null, new RopeScaling(RopeScalingType.Linear, 2), new RopeScaling(RopeScalingType.Dynamic, 2),
            new RopeScaling(RopeScalingType.Llama3, 2)
            {
                LowFreqFactor = 1, HighFreqFactor = 4, OriginalMaxPositionEmbeddings = 8,
            },
            yarn, yarn with { Truncate = false }, yarn with { AttentionFactor = 1.5 }, yarn with { BetaFast = 16 },
            yarn with { BetaSlow = 2 }, yarn with { OriginalMaxPositionEmbeddings = 16 }, yarn with { Llama4ScalingBeta = 0.2 },
            longrope, longrope with { AttentionFactor = 2 }, longrope with { LongFactor = longrope.ShortFactor },
        ];
    }

    /// <summary>Everything in a file but the numbers of the model's own parameters.</summary>
    private static string HeaderOf(ModelConfig config)
    {
        var architecture = GgufArchitecture.Of(config, "model", "gguf");
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        var metadata = new GgufMetadata();
        GgufFormat.AddSettings(metadata, config, architecture);
        metadata.Write(writer);
        var tensors = GgufTensors.Of(config, architecture, GgufTensorType.F32).Select(tensor => string.Create(
            CultureInfo.InvariantCulture,
            $"{tensor.Name} {string.Join("x", tensor.Shape)} {string.Join(",", tensor.Parts.Select(part => part.Name))} "
                + $"{tensor.RotaryHeadDim} {tensor.Offset} {tensor.Constant} {string.Join(",", tensor.Values ?? [])}"));
        return $"{Convert.ToHexString(content.ToArray())}\n{string.Join("\n", tensors)}";
    }
}
