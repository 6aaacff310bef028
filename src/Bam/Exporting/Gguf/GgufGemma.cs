using Bam.Checkpoints;

namespace Bam.Exporting.Gguf;

/// <summary>llama.cpp's architectures for Gemma 2 and 3, which have windows by layer.</summary>
internal static class GgufGemma
{
    /// <summary>Numbers of layers of the 27B models, from which llama.cpp infers the scale of the attention scores.</summary>
    private const int LayersOfLargestGemma2 = 46, LayersOfLargestGemma3 = 62;

    public static readonly GgufArchitecture Gemma2 = new()
    {
        Name = "gemma2",
        Suits = config => config is { NormPlacement: NormPlacement.Both, QueryKeyNorm: QueryKeyNorm.None },
        Computes = config => Common(config, LayersOfLargestGemma2) with
        {
            AttnLogitSoftcapping = config.AttnLogitSoftcapping ?? 50,
            FinalLogitSoftcapping = config.FinalLogitSoftcapping ?? 30,
            TieWordEmbeddings = true,
        },
        WindowPeriod = Period,
        AddSettings = (metadata, config) =>
        {
            metadata.Add("gemma2.attn_logit_softcapping", config.AttnLogitSoftcapping!.Value);
            metadata.Add("gemma2.final_logit_softcapping", config.FinalLogitSoftcapping!.Value);
            AddWindow(metadata, "gemma2", config);
        },
    };

    public static readonly GgufArchitecture Gemma3 = new()
    {
        Name = "gemma3",
        Suits = config => config.NormPlacement == NormPlacement.Both,
        Computes = config => Common(config, LayersOfLargestGemma3) with
        {
            QueryKeyNorm = QueryKeyNorm.Shared,
            FinalLogitSoftcapping = config.FinalLogitSoftcapping,
            RopeLocalBaseFreq = config.RopeLocalBaseFreq,
            // The file gives the layers with a window only by their period; they have their own rotary base.
            LayerTypes = config.RopeLocalBaseFreq is null || Period(config) is not null ? config.LayerTypes : [],
            RopeScaling = config.RopeLocalBaseFreq is null && config.SlidingWindow is not null
                ? GgufArchitectures.Scaling(config)
                : GgufArchitectures.Scaling(config, RopeScalingType.Linear),
        },
        WindowPeriod = Period,
        AddSettings = (metadata, config) =>
        {
            if (config.FinalLogitSoftcapping is { } cap) metadata.Add("gemma3.final_logit_softcapping", cap);
            if (config.SlidingWindow is null) return;
            metadata.Add("gemma3.rope.freq_base_swa", config.RopeLocalBaseFreq ?? config.RopeTheta);
            AddWindow(metadata, "gemma3", config);
        },
    };

    private static ModelConfig Common(ModelConfig config, int layersOfLargest) => GgufArchitectures.Plain(config) with
    {
        NormPlacement = NormPlacement.Both,
        HiddenAct = "gelu_new",
        EmbeddingMultiplier = Math.Sqrt(config.HiddenSize),
        AttentionMultiplier = Multiplier(config, layersOfLargest),
        NumLocalExperts = 1,
        RopeScaling = GgufArchitectures.Scaling(config, RopeScalingType.Linear),
    };

    private static double Multiplier(ModelConfig config, int layersOfLargest) =>
        1 / Math.Sqrt(
            config.NumHiddenLayers == layersOfLargest ? config.HiddenSize / config.NumAttentionHeads : config.HeadDim);

    private static int? Period(ModelConfig config)
    {
        int[] periods = [0, .. Enumerable.Range(1, config.NumHiddenLayers)];
        foreach (var period in periods)
        {
            if (Enumerable.Range(0, config.NumHiddenLayers).All(
                    layer => config.WindowOf(layer) is not null == (period == 0 || layer % period < period - 1)))
                return period;
        }

        return null;
    }

    /// <summary>If the file cannot express the model's windows, a window as long as the context, which has no effect.</summary>
    private static void AddWindow(GgufMetadata metadata, string name, ModelConfig config)
    {
        var (window, period) = Period(config) is { } found and not 1
            ? (config.SlidingWindow!.Value, found)
            : (config.MaxPositionEmbeddings, 2);
        metadata.Add($"{name}.attention.sliding_window", window);
        metadata.Add($"{name}.attention.sliding_window_pattern", period);
    }
}
