namespace Bam.Tests.Data;

/// <summary>Random words separated by single spaces; all substrings of 50 characters are distinct.</summary>
internal static class RandomText
{
    public static string Words(int characters, string name)
    {
        var random = new RandomStream(1, name);
        return string.Create(characters, random, (span, stream) =>
        {
            var isInWord = false;
            foreach (ref var c in span)
            {
                var draw = stream.NextInt64(isInWord ? 31 : 26);
                isInWord = draw < 26;
                c = isInWord ? (char)('a' + draw) : ' ';
            }

            span[^1] = 'x';
        });
    }
}
