using System.Text.Json;

namespace Bam.Configuration;

/// <summary>C#'s names as a YAML file writes them.</summary>
internal static class SnakeCase
{
    /// <summary>"LearningRate" → "learning_rate", "RouterZLossCoef" → "router_z_loss_coef", "Beta1" → "beta1".</summary>
    public static string Of(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
