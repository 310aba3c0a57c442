using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

public sealed class PromptOverlapLaws
{
    [Property]
    public void What_is_kept_is_disjoint_and_what_is_removed_is_not(string?[] training, string?[] evaluation)
    {
        Example[] rows = [.. training.Select((text, i) => Rows.One(text ?? "", id: $"t:{i}"))];
        Example[] held = [.. evaluation.Select((text, i) => Rows.One(text ?? "", id: $"e:{i}"))];
        var overlap = PromptOverlap.Remove(rows, held);

        var prompts = held.Select(PromptOverlap.Normalized).ToHashSet();
        Assert.DoesNotContain(overlap.Kept, example => prompts.Contains(PromptOverlap.Normalized(example)));
        Assert.All(overlap.Removed, id =>
            Assert.Contains(PromptOverlap.Normalized(rows.Single(row => row.Id == id)), prompts));
        Assert.Equal(rows.Length, overlap.Kept.Length + overlap.Removed.Length);
        Assert.Equal(rows.Where(overlap.Kept.Contains), overlap.Kept);
        Assert.Equal(overlap.Kept, PromptOverlap.Remove(overlap.Kept, held).Kept);
    }

    [Theory]
    [InlineData("How do I bake bread?", " how  do i\nbake BREAD? ", true)]
    [InlineData("Was ist ÄRGER?", "was ist ärger?", true)]
    [InlineData("How do I bake bread?", "How do I bake bread", false)]
    public void Case_and_white_space_do_not_tell_prompts_apart(string one, string other, bool same)
    {
        var overlap = PromptOverlap.Remove([Rows.One(one)], [Rows.One(other)]);
        Assert.Equal(same ? 1 : 0, overlap.Removed.Length);
    }

    [Fact]
    public void The_input_is_part_of_the_prompt() =>
        Assert.Empty(PromptOverlap.Remove([Rows.One("Classify.", "a")], [Rows.One("Classify.", "b")]).Removed);
}
