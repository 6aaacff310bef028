using Bam.Bench.ServeLoad;
using Bam.Checkpoints;
using Bam.Models;

if (args is not [var directory, var tokenizer])
{
    await Console.Error.WriteLineAsync("usage: DIRECTORY TOKENIZER");
    return 2;
}

// 363 M parameters, 1.45 GB in float32.
MixtralModel.Save(Path.Combine(directory, "mixtral"), tokenizer, intermediateSize: 2048);

// The mixtures of the latency experiment: four models of the paper's small size.
var btx = ModelPresets.All["small"] with { NumLocalExperts = 4, NumExpertsPerTok = 1 };
var bam = btx with { NumAttentionExperts = 4 };
foreach (var (name, config) in ((string, ModelConfig)[])
    [("btx", btx), ("bam", bam), ("bam-shared-kv", bam with { ShareKeyValue = true })])
{
    Directory.CreateDirectory(Path.Combine(directory, name));
    config.Save(Path.Combine(directory, name));
}

return 0;
