using System.Text;

namespace Bam.Configuration;

/// <summary>C#'s names as a YAML file writes them.</summary>
internal static class SnakeCase
{
    /// <summary>"LearningRate" → "learning_rate", "Beta1" → "beta1".</summary>
    public static string Of(string name)
    {
        var text = new StringBuilder(name.Length + 4);
        for (var i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsUpper(name[i]) && !char.IsUpper(name[i - 1])) text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }
}
